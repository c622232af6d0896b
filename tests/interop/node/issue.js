// Issues one response with samlp. Reads a JSON object on standard input, writes the response's XML.
'use strict';
const samlp = require('samlp/lib/samlp.js');

const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));

function mapper() {
  return {
    getClaims: () => asked.claims,
    getNameIdentifier: () => ({
      nameIdentifier: asked.nameId,
      nameIdentifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    }),
  };
}

samlp.getSamlResponse(
  {
    issuer: asked.issuer,
    cert: asked.cert,
    key: asked.key,
    audience: asked.audience,
    recipient: asked.acs,
    destination: asked.acs,
    inResponseTo: asked.inResponseTo,
    lifetimeInSeconds: 300,
    signatureAlgorithm: 'rsa-sha256',
    digestAlgorithm: 'sha256',
    signAssertion: asked.signAssertion,
    signResponse: asked.signResponse,
    sessionIndex: '_session',
    authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified',
    includeAttributeNameFormat: true,
    typedAttributes: asked.typedAttributes !== false,
    profileMapper: mapper,
  },
  {},
  (error, xml) => {
    if (error) {
      console.error(String(error));
      process.exit(1);
    }
    process.stdout.write(xml);
  },
);
