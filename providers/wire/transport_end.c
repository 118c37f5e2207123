/* What a CURLcode means for an exchange; kept apart because it is all judgement and no work. */
#include "providers/wire/transport_private.h"

/*
 * A reset and a malformed chunk come as the same code. Only libcurl's words tell them apart: what
 * is wrong with a chunk names the chunk, or the chunked encoding.
 */
static enum exchange_end receive_error(const struct transfer *transfer)
{
	struct text words = text_of(transfer->error);

	if (text_find(words, TEXT("chunk"), 0) != TEXT_NOT_FOUND)
		return EXCHANGE_BAD_HTTP;
	return EXCHANGE_CUT;
}

enum exchange_end transport_end(const struct transfer *transfer, CURLcode code)
{
	bool connected = transfer->phase != TRANSFER_CONNECTING;

	if (transfer->cancelled)
		return EXCHANGE_CANCELLED;
	if (transfer->failed_detail != NULL)
		return transfer->failed;
	switch (code) {
	case CURLE_OK:
		/* libcurl is content with a close in the middle of the header section. */
		return transfer->head_done ? EXCHANGE_COMPLETE : EXCHANGE_CUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		/* Once sent, libcurl connects anew only where the connection broke without an
		 * answer. */
		return connected ? EXCHANGE_CUT : EXCHANGE_RESOLVE_FAILED;
	case CURLE_COULDNT_CONNECT:
		return connected ? EXCHANGE_CUT : EXCHANGE_CONNECT_FAILED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_SETFAILED:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_SHUTDOWN_FAILED:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_USE_SSL_FAILED:
		return EXCHANGE_TLS_FAILED;
	case CURLE_OPERATION_TIMEDOUT:
		/* The system's own limits; ours never reach libcurl. */
		return connected ? EXCHANGE_TOTAL_TIMEOUT : EXCHANGE_CONNECT_TIMEOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_PARTIAL_FILE:
		return connected ? EXCHANGE_CUT : EXCHANGE_CONNECT_FAILED;
	case CURLE_RECV_ERROR:
		return connected ? receive_error(transfer) : EXCHANGE_CONNECT_FAILED;
	default: /* a hundred others, each of which means that we can't speak with it */
		return connected ? EXCHANGE_BAD_HTTP : EXCHANGE_CONNECT_FAILED;
	}
}
