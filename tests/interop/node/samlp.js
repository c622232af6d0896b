// An identity provider made of samlp.
'use strict';
const samlp = require('samlp/lib/samlp.js');

function options(job) {
  return {
    issuer: job.idp,
    cert: job.certificates[0],
    key: job.key,
    audience: job.sp,
    recipient: job.acs,
    destination: job.acs,
    inResponseTo: job.inResponseTo,
    lifetimeInSeconds: 300,
    signatureAlgorithm: job.signatureAlgorithm || 'rsa-sha256',
    digestAlgorithm: job.digestAlgorithm || 'sha256',
    signAssertion: job.signed !== 'response',
    signResponse: job.signed !== 'assertion',
    sessionIndex: '_session',
    authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified',
    includeAttributeNameFormat: true,
    typedAttributes: job.typed !== false,
    signatureNamespacePrefix: job.prefix || '',
    encryptionCert: job.encrypted ? job.spCertificate : undefined,
    encryptionPublicKey: job.encrypted ? job.spPublicKey : undefined,
    profileMapper: () => ({
      getClaims: () => job.claims,
      getNameIdentifier: () => ({
        nameIdentifier: job.nameId,
        nameIdentifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
      }),
    }),
  };
}

module.exports = {
  options,
  issue: (job) =>
    new Promise((resolve, reject) => {
      samlp.getSamlResponse(options(job), {}, (error, xml) => (error ? reject(error) : resolve(xml)));
    }),
};
