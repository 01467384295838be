/** The tests of the protocol with the keys of a gateway whose setting AEAD is webcrypto. */
import "../support/webcrypto_keys.ts";
import "../protocol/aead_test.ts";
import "../protocol/attacks_test.ts";
import "../protocol/exchange_test.ts";
import "../protocol/secret_key_test.ts";
import "../protocol/v1/envelope_test.ts";
import "../protocol/v2/envelope_test.ts";
import "../protocol/v2/stream_test.ts";
import "../protocol/vectors_test.ts";
