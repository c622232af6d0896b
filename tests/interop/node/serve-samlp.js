// samlp behind node's own http: answers an AuthnRequest with the page that posts a signed response.
// Reads the options of samlp.js as JSON on standard input, and writes the port it listens on.
'use strict';
const http = require('http');
const samlp = require('samlp');
const { options } = require('./samlp.js');

const job = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const answer = samlp.auth({
  ...options(job),
  getPostURL: (audience, dom, request, callback) => callback(null, job.acs),
  getUserFromRequest: () => ({}),
});

const server = http.createServer((request, response) => {
  // What samlp takes of express, and no more.
  request.query = Object.fromEntries(new URL(request.url, 'http://127.0.0.1').searchParams);
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (status, body) => {
    response.statusCode = body === undefined ? 200 : status;
    response.end(String(body === undefined ? status : body));
  };
  answer(request, response, (error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
