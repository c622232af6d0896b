"""The catalogue is whole: every fault that was ever asked for is there, or stands in a table with the reason."""

from __future__ import annotations

import pytest

from simulator import all_faults

#: Every id of the catalogue as it was drawn up, family by family. "a / -b" was written out.
ASKED_FOR = """
ok-assertion-signed ok-response-signed ok-both-signed ok-unsolicited ok-solicited ok-no-keyinfo
ok-keyinfo-other-cert-same-key ok-rsa-sha512 ok-rsa-sha384 ok-ecdsa-p256 ok-ecdsa-p384 ok-rsa-pss
ok-second-signing-key ok-expired-idp-cert ok-default-ns-prefix ok-odd-prefixes ok-inclusive-prefixlist
ok-two-confirmations ok-two-audiences ok-extra-attributes ok-advice ok-extensions ok-skew-119s ok-cdata
ok-comment-outside ok-crlf ok-encrypted-gcm ok-encrypted-cbc ok-relaystate-80 ok-large
sig-none sig-stripped sig-tampered-content sig-tampered-signedinfo sig-digest-only-valid sig-value-empty
sig-value-missing sig-value-not-base64 sig-value-truncated sig-value-zeros sig-digest-empty sig-wrong-key-own-cert
sig-wrong-key-idp-cert sig-keyvalue-only sig-dupe-keyinfo sig-two-x509 sig-keyname-only sig-x509-issuer-serial-only
sig-retrievalmethod sig-encryption-key-used sig-inner-bad-outer-good sig-response-only-when-assertion-required
sig-response-only-when-assertion-required-reverse sig-two-on-assertion sig-last-child sig-on-wrong-element
sig-detached-in-response sig-empty-uri sig-missing-uri sig-external-uri sig-xpointer-uri sig-xpath-injection-uri
sig-dangling-uri sig-zero-references sig-two-references sig-second-reference-evil sig-reference-by-position
sig-two-signedinfo sig-digestvalue-comment sig-object-empty sig-manifest sig-transform-xpath sig-transform-xslt
sig-transform-base64 sig-transform-decrypt sig-transform-unknown sig-no-enveloped sig-50-transforms
sig-1000-references sig-inclusive-c14n sig-prefixlist-1000 sig-decoy-same-value
xsw1 xsw1-object xsw2 xsw3 xsw4 xsw5 xsw6 xsw7 xsw7-eid xsw8 xsw8-eid xsw-evil-after xsw-dup-id-extensions
xsw-dup-id-after xsw-statusdetail xsw-advice xsw-attributevalue xsw-foreign-root xsw-two-roots xsw-encrypted-sibling
xsw-encrypted-same-id xsw-logout xsw-metadata-signature xsw-other-type xsw-generated
c14n-comment-nameid c14n-comment-attribute c14n-comment-issuer c14n-comment-audience c14n-comment-signed
c14n-pi-after c14n-pi-signed c14n-child-element c14n-foreign-nameid c14n-void-relative-ns c14n-void-bad-uri
c14n-attr-pollution c14n-Id-vs-ID c14n-ns-confusion-attlist c14n-doctype-roundtrip c14n-entity-id c14n-entity-text
c14n-xml-xmlns c14n-prefix-rebind c14n-wrong-namespace c14n-charref-cr c14n-pretty-printed c14n-reencoded c14n-utf7
time-conditions-expired time-conditions-future time-boundary-equal time-boundary-inside time-window-reversed
time-no-conditions time-no-bounds time-window-10y time-scd-expired-only time-conditions-expired-only
time-scd-notbefore time-issueinstant-old time-issueinstant-future time-session-expired time-authninstant-old
time-authninstant-future time-local-no-zone time-offset time-fraction-9 time-leap time-24h time-year-10000
time-basic-format time-week-date time-space time-negative-year time-idp-clock-plus-10m time-idp-clock-minus-10m
route-destination-missing route-destination-empty route-destination-other-host route-destination-http
route-destination-trailing-slash route-destination-prefix route-destination-query route-destination-case-path
route-destination-edited-unsigned route-recipient-missing route-recipient-other route-recipient-superstring
route-recipient-substring route-other-sp route-audience-missing route-audience-empty route-audience-other
route-audience-case route-audience-slash route-audience-prefix route-audience-whitespace
route-audience-two-restrictions route-audience-parent-for-child route-audience-child-for-parent route-irt-unknown
route-irt-missing route-irt-stale route-irt-replayed route-irt-other-session route-irt-unsolicited-present
route-irt-response-vs-scd route-irt-unsigned-rebind route-sc-none route-sc-no-method route-sc-hok
route-sc-sender-vouches route-sc-unknown route-sc-split route-sc-address route-issuer-missing route-issuer-empty
route-issuer-other route-issuer-slash route-issuer-case route-issuer-whitespace route-issuer-format
route-issuer-response-differs route-mixup-other-idp route-replay route-login-csrf route-sp-initiated-first-login
crypto-sha1-signature crypto-sha1-digest-only crypto-sha1-c14n-mixed crypto-md5 crypto-ripemd crypto-unknown
crypto-empty-alg crypto-hmac-public-key crypto-hmac-truncated crypto-alg-key-mismatch crypto-rsa-1024 crypto-rsa-e3
crypto-ec-p192 crypto-ec-brainpool crypto-ec-secp256k1 crypto-dsa crypto-rollover-old-key
crypto-rollover-new-unpublished crypto-rollover-both crypto-cert-expired crypto-cert-future
crypto-cert-swapped-same-dn crypto-ecdsa-der crypto-test-key-in-production
enc-unsigned enc-response-signed-only enc-signed-after-encrypt-stripped enc-wrong-recipient enc-rsa15
enc-oaep-sha256 enc-oaep-mgf1sha256 enc-oaep-params enc-cbc enc-3des enc-cbc-bitflip enc-cbc-padding enc-gcm-bitflip
enc-gcm-tag-truncated enc-gcm-iv-short enc-no-encryptedkey enc-two-encryptedkeys enc-500-encryptedkeys enc-loop
enc-retrievalmethod-external enc-cipherreference enc-plaintext-two-elements enc-plaintext-text
enc-plaintext-response enc-plaintext-nested-encrypted enc-plaintext-dtd enc-type-content enc-mixed enc-nameid
enc-attribute enc-ns-context
status-requester-denied status-responder-authnfailed status-nopassive status-noauthncontext
status-invalidnameidpolicy status-unknownprincipal status-versionmismatch status-error-with-assertion status-missing
status-empty-value status-second-level-on-top status-suffix-success status-lowercase status-message-html
status-message-64k status-message-ansi status-error-unsigned-edit
tr-b64-whitespace tr-b64-lines tr-b64-urlsafe tr-b64-badchars tr-b64-double tr-b64-missing-padding
tr-b64-plus-as-space tr-b64-trailing tr-post-deflated tr-redirect-response tr-redirect-zlib-header tr-redirect-gzip
tr-redirect-trailing-junk tr-redirect-truncated tr-deflate-bomb tr-param-duplicate tr-param-percent-name
tr-param-array-name tr-param-both-request-response tr-redirect-sig-order tr-redirect-reencoded
tr-redirect-missing-sigalg tr-redirect-sha1 tr-redirect-relaystate-added tr-redirect-lowercase-escapes
tr-relaystate-81 tr-relaystate-url-evil tr-relaystate-userinfo tr-relaystate-backslash tr-relaystate-scheme-relative
tr-relaystate-javascript tr-relaystate-data tr-relaystate-crlf tr-relaystate-encoded-slashes tr-relaystate-idn
tr-relaystate-html tr-get-instead-of-post tr-wrong-content-type tr-huge-body tr-slow-body tr-chunked tr-no-length
tr-double-post tr-parallel-post
xml-xxe-file xml-xxe-http xml-xxe-attribute xml-xxe-parameter xml-external-dtd xml-public-dtd xml-billion-laughs
xml-laughs-attribute xml-laughs-parameter xml-quadratic xml-recursive xml-xinclude xml-schemalocation
xml-stylesheet-pi xml-depth-10000 xml-nodes-1e6 xml-attrs-1e5 xml-attr-9mb xml-text-9mb xml-ns-20000 xml-ns1000x1000
xml-truncated xml-two-roots xml-trailing-garbage xml-nul xml-bad-utf8 xml-overlong-utf8 xml-utf16 xml-utf7 xml-bom
xml-ebcdic xml-wrong-declaration xml-html xml-json xml-soap xml-empty xml-whitespace xml-metadata-pasted
xml-authnrequest-pasted xml-assertion-only xml-duplicate-attribute xml-unbound-prefix xml-ns-whitespace
xml-comment-1mb xml-pi-flood xml-cdata-flood
md-sp-metadata md-html-page md-no-idp-role md-wsfed-role-first md-no-use-key md-encryption-only md-two-signing-keys
md-keyvalue-only md-bad-base64-cert md-pem-armour md-expired-validuntil md-no-validuntil md-cacheduration-zero
md-two-idps md-nested-entities md-http-endpoint md-javascript-endpoint md-userinfo-endpoint md-no-redirect-or-post
md-duplicate-index md-signed-tampered md-signed-embedded-key md-xxe md-ns-bomb md-10mb md-utf16 md-key-swapped
md-entityid-changed md-entityid-taken md-test-idp md-weak-key md-expired-cert md-redirect-loop md-http-downgrade
md-slow md-gzip-bomb
req-acs-unregistered req-acs-javascript req-acs-other-host req-issuer-unknown req-unsigned-when-required
req-bad-signature req-destination-other req-issueinstant-old req-forceauthn req-ispassive
req-nameidpolicy-persistent req-authncontext-exact req-xxe req-deflate-bomb req-relaystate-html req-binding-artifact
req-duplicate-id
"""

#: Ids that live under another name, or as something else than one fault, and why.
ELSEWHERE = {
    "sig-response-only-when-assertion-required-reverse": (
        ("sig-assertion-only-when-response-required",),
        "the reverse case has a name of its own",
    ),
    "xsw-generated": ((), "a generator of a thousand variants: simulator.wrapping_variants, judged in test_closure.py"),
    "route-irt-missing": (
        ("route-irt-missing-scd", "route-irt-missing-response"),
        "the two places can be missing one without the other",
    ),
    "enc-cbc-padding": (("enc-cbc-padding-zero", "enc-cbc-padding-17"), "both paddings"),
    "enc-nameid": (("id-nameid-encryptedid",), "the same construction stands in the identity family"),
}


def ids() -> list[str]:
    return ASKED_FOR.split()


def test_nothing_of_the_catalogue_is_missing() -> None:
    have = {f.id for f in all_faults()}
    assert sorted(set(ids()) - have - set(ELSEWHERE)) == []
    assert len(ids()) == len(set(ids()))
    assert len(ids()) >= 420


@pytest.mark.parametrize("asked", ELSEWHERE)
def test_the_table_is_true(asked: str) -> None:
    found, reason = ELSEWHERE[asked]
    have = {f.id for f in all_faults()}
    assert set(found) <= have
    assert asked in ids()
    assert asked not in have
    assert len(reason) > 10


def test_no_product_of_the_grid_takes_the_place_of_a_named_fault() -> None:
    assert not [i for i in ids() if i.startswith("grid-")]
