// Judges one response with @node-saml/node-saml. Reads a JSON object on standard input, writes the profile as JSON.
'use strict';
const { SAML } = require('@node-saml/node-saml');

const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));

new SAML({
  callbackUrl: asked.acs,
  issuer: asked.audience,
  audience: asked.audience,
  idpCert: asked.cert,
  idpIssuer: asked.issuer,
  entryPoint: 'https://idp.example/sso',
  wantAssertionsSigned: asked.wantAssertionsSigned,
  wantAuthnResponseSigned: asked.wantAuthnResponseSigned,
  acceptedClockSkewMs: 180000,
})
  .validatePostResponseAsync({ SAMLResponse: asked.response })
  .then(({ profile }) => {
    process.stdout.write(JSON.stringify({ nameID: profile.nameID, attributes: profile.attributes, issuer: profile.issuer }));
  })
  .catch((error) => {
    console.error(String(error));
    process.exit(1);
  });
