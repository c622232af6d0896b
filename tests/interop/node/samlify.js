// A service provider and an identity provider made of samlify.
'use strict';
const samlify = require('samlify');

const EMAIL = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

// It brings no schema check of its own and refuses to work without one.
samlify.setSchemaValidator({ validate: async () => 'not validated' });

function serviceProvider(job) {
  return samlify.ServiceProvider({
    entityID: job.sp,
    authnRequestsSigned: Boolean(job.signs),
    wantAssertionsSigned: job.signed !== 'response',
    wantMessageSigned: job.signed === 'response' || job.signed === 'both',
    wantLogoutResponseSigned: true,
    clockDrifts: [-180000, 180000],
    requestSignatureAlgorithm: SHA256,
    privateKey: job.spKey,
    signingCert: job.spCertificate,
    encPrivateKey: job.spKey,
    encryptCert: job.spCertificate,
    nameIDFormat: [EMAIL],
    assertionConsumerService: [{ Binding: POST, Location: job.acs }],
    singleLogoutService: [{ Binding: POST, Location: job.slo }, { Binding: REDIRECT, Location: job.slo }],
  });
}

function identityProvider(job) {
  return samlify.IdentityProvider({
    metadata: job.metadata,
    isAssertionEncrypted: Boolean(job.encrypted),
    messageSigningOrder: job.order || 'sign-then-encrypt',
    requestSignatureAlgorithm: SHA256,
    wantLogoutRequestSigned: Boolean(job.signs),
  });
}

// It leaves InResponseTo and Audience to whoever calls it.
function compare(extract, job) {
  const answered = extract.response && extract.response.inResponseTo;
  if (job.inResponseTo && answered !== job.inResponseTo) throw new Error(`InResponseTo is ${answered}`);
  if (extract.audience && ![].concat(extract.audience).includes(job.sp)) throw new Error(`Audience is ${extract.audience}`);
}

function sent(made, job) {
  if (job.binding !== 'post') return { url: made.context, fields: Object.fromEntries(new URL(made.context).searchParams), id: made.id };
  const fields = { SAMLRequest: made.context };
  if (job.relayState) fields.RelayState = job.relayState;
  return { url: made.entityEndpoint, fields, id: made.id };
}

module.exports = {
  async judge(job) {
    const { extract } = await serviceProvider(job).parseLoginResponse(identityProvider(job), 'post', {
      body: { SAMLResponse: job.response },
    });
    compare(extract, job);
    const index = extract.sessionIndex && extract.sessionIndex.sessionIndex;
    return { nameId: extract.nameID, claims: extract.attributes || {}, sessionIndex: index || null };
  },
  async request(job) {
    return sent(serviceProvider(job).createLoginRequest(identityProvider(job), job.binding, { relayState: job.relayState }), job);
  },
  async logout(job) {
    const user = { logoutNameID: job.nameId, sessionIndex: job.sessionIndex };
    const made = serviceProvider(job).createLogoutRequest(identityProvider(job), job.binding, user, { relayState: job.relayState });
    return sent(made, job);
  },
  async loggedOut(job) {
    const { extract } = await serviceProvider(job).parseLogoutResponse(identityProvider(job), 'post', {
      body: { SAMLResponse: job.response },
    });
    compare(extract, job);
    return true;
  },
  async issue(job) {
    const names = Object.keys(job.claims);
    const idp = samlify.IdentityProvider({
      entityID: job.idp,
      privateKey: job.key,
      signingCert: job.certificates[0],
      requestSignatureAlgorithm: job.signatureAlgorithm || SHA256,
      isAssertionEncrypted: Boolean(job.encrypted),
      dataEncryptionAlgorithm: job.block,
      keyEncryptionAlgorithm: job.transport,
      nameIDFormat: [EMAIL],
      singleSignOnService: [{ Binding: REDIRECT, Location: job.idpSso }],
      loginResponseTemplate: {
        context: samlify.SamlLib.defaultLoginResponseTemplate.context,
        attributes: names.map((name, n) => ({
          name, valueTag: `claim${n}`, nameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic', valueXsiType: 'xs:string',
        })),
      },
    });
    const now = new Date();
    const until = new Date(now.getTime() + 300000);
    const fill = (template) => {
      const values = {
        ID: `_${job.id}`, AssertionID: `_a${job.id}`, Destination: job.acs, Audience: job.sp, SubjectRecipient: job.acs,
        Issuer: job.idp, IssueInstant: now.toISOString(), StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success',
        ConditionsNotBefore: now.toISOString(), ConditionsNotOnOrAfter: until.toISOString(),
        SubjectConfirmationDataNotOnOrAfter: until.toISOString(), NameIDFormat: EMAIL, NameID: job.nameId,
        InResponseTo: job.inResponseTo || undefined,
        AuthnStatement: '',
      };
      names.forEach((name, n) => { values[`attrClaim${n}`] = job.claims[name]; });
      // It writes no AuthnStatement of its own: the place for it in its template is the caller's.
      const statement = `<saml:AuthnStatement AuthnInstant="${now.toISOString()}" SessionIndex="_s1"><saml:AuthnContext>` +
        '<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef>' +
        '</saml:AuthnContext></saml:AuthnStatement>';
      return { id: values.ID, context: samlify.SamlLib.replaceTagsByValue(template.replace('{AuthnStatement}', statement), values) };
    };
    const made = await idp.createLoginResponse(serviceProvider(job), null, 'post', {}, {
      customTagReplacement: fill, encryptThenSign: job.order === 'encrypt-then-sign',
    });
    return Buffer.from(made.context, 'base64').toString('utf8');
  },
};
