// A service provider made of @node-saml/node-saml.
'use strict';
const { SAML, ValidateInResponseTo } = require('@node-saml/node-saml');

function provider(job) {
  // Only the one request that the job names was ever sent.
  const known = new Map(job.inResponseTo ? [[job.inResponseTo, new Date().toISOString()]] : []);
  return new SAML({
    callbackUrl: job.acs,
    logoutCallbackUrl: job.slo,
    issuer: job.sp,
    audience: job.sp,
    idpCert: job.certificates,
    idpIssuer: job.idp,
    entryPoint: job.idpSso,
    logoutUrl: job.idpSlo,
    wantAssertionsSigned: job.signed !== 'response',
    wantAuthnResponseSigned: job.signed === 'response' || job.signed === 'both',
    acceptedClockSkewMs: 180000,
    decryptionPvk: job.spKey,
    privateKey: job.signs ? job.spKey : undefined,
    publicCert: job.signs ? job.spCertificate : undefined,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    authnRequestBinding: job.binding === 'post' ? 'HTTP-POST' : 'HTTP-Redirect',
    generateUniqueId: () => job.id || '_unused',
    validateInResponseTo: job.inResponseTo ? ValidateInResponseTo.always : ValidateInResponseTo.never,
    cacheProvider: {
      saveAsync: async (key, value) => ({ value, createdAt: Date.now() }),
      getAsync: async (key) => known.get(key) || null,
      removeAsync: async (key) => key,
    },
  });
}

function query(url) {
  return Object.fromEntries(new URL(url).searchParams);
}

module.exports = {
  async judge(job) {
    const { profile } = await provider(job).validatePostResponseAsync({ SAMLResponse: job.response });
    return { nameId: profile.nameID, claims: profile.attributes || {}, sessionIndex: profile.sessionIndex || null };
  },
  async request(job) {
    const saml = provider(job);
    if (job.binding === 'post') return { url: job.idpSso, fields: await saml.getAuthorizeMessageAsync(job.relayState, '', {}) };
    const url = await saml.getAuthorizeUrlAsync(job.relayState, '', {});
    return { url, fields: query(url) };
  },
  async logout(job) {
    const user = { nameID: job.nameId, nameIDFormat: job.format, sessionIndex: job.sessionIndex };
    const url = await provider(job).getLogoutUrlAsync(user, job.relayState, {});
    return { url, fields: query(url) };
  },
  async loggedOut(job) {
    // It looks for InResponseTo in a Response only, so of a LogoutResponse by POST it cannot be asked to compare it.
    const saml = provider({ ...job, inResponseTo: null });
    const { loggedOut } = await saml.validatePostResponseAsync({ SAMLResponse: job.response });
    if (!loggedOut) throw new Error('not logged out');
    return true;
  },
};
