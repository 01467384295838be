/** The tests of the protocol with the keys of a gateway whose setting AEAD is webcrypto. */
import "../support/webcrypto_keys.ts";
import "./protocol_tests.ts";
