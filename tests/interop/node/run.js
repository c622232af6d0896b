// Runs jobs with one of the packages. Reads {peer, jobs: [{op, ...}]} on standard input, writes [{ok} or {error}].
'use strict';
const { peer, jobs } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const operations = require(`./${peer}.js`);

// What the packages print belongs to nobody who reads our answer.
console.log = console.warn = console.error;

(async () => {
  const answers = [];
  for (const job of jobs) {
    try {
      answers.push({ ok: await operations[job.op](job) });
    } catch (error) {
      answers.push({ error: String(error) });
    }
  }
  process.stdout.write(JSON.stringify(answers));
})();
