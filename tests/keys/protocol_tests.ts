/** The tests of the protocol that use the known keys. A module that is loaded before may replace these. */
import "../protocol/aead_test.ts";
import "../protocol/attacks_test.ts";
import "../protocol/exchange_test.ts";
import "../protocol/secret_key_test.ts";
import "../protocol/v1/envelope_test.ts";
import "../protocol/v2/envelope_test.ts";
import "../protocol/v2/stream_test.ts";
import "../protocol/vectors_test.ts";
