/* From an exchange to what the relay does next; see relay_judge.h. */
#include "proxy/relay/relay_judge.h"

#include "providers/wire/pace.h"

static void fail(struct relay_judgement *out, enum ending ending, enum relay_next next,
                 enum refusal_code code, const char *reason)
{
	out->good = false;
	out->ending = ending;
	out->next = next;
	out->code = code;
	out->reason = reason;
	out->blames_target = true;
}

/* --- no whole answer --- */

static void judge_broken(const struct relay_case *asked, struct relay_judgement *out)
{
	enum refusal_code error = REFUSAL_UPSTREAM_ERROR;
	enum refusal_code timeout = REFUSAL_UPSTREAM_TIMEOUT;

	switch (asked->exchange->end) {
	case EXCHANGE_RESOLVE_FAILED:
		fail(out, ENDING_ERROR, RELAY_NEXT_SAME_FIRST, error, "its name was not resolved");
		return;
	case EXCHANGE_CONNECT_FAILED:
		fail(out, ENDING_ERROR, RELAY_NEXT_SAME_FIRST, error, "no connection");
		return;
	case EXCHANGE_TLS_FAILED:
		fail(out, ENDING_ERROR, RELAY_NEXT_OTHER, error, "no TLS session");
		return;
	case EXCHANGE_CONNECT_TIMEOUT:
		fail(out, ENDING_TIMEOUT, RELAY_NEXT_OTHER, timeout, "no connection in time");
		return;
	case EXCHANGE_FIRST_TIMEOUT:
		fail(out, ENDING_TIMEOUT, RELAY_NEXT_OTHER, timeout, "nothing came in time");
		return;
	case EXCHANGE_IDLE_TIMEOUT:
		fail(out, ENDING_TIMEOUT, RELAY_NEXT_OTHER, timeout, "nothing more came in time");
		return;
	case EXCHANGE_TOTAL_TIMEOUT:
		fail(out, ENDING_TIMEOUT, RELAY_NEXT_OTHER, timeout, "not complete in time");
		return;
	case EXCHANGE_BAD_HTTP:
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error, "what came is no HTTP");
		return;
	case EXCHANGE_TOO_LARGE:
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error, "the reply is too large");
		return;
	case EXCHANGE_CUT:
		/* Kept open since the last answer, and closed by the provider as this request left:
		 * that happens to the best, and a new connection is all that it needs. */
		if (asked->exchange->reused && asked->exchange->status == 0) {
			fail(out, ENDING_CUT, RELAY_NEXT_SAME_FIRST, error,
			     "the connection that was kept open broke");
			out->blames_target = false;
			return;
		}
		break;
	case EXCHANGE_CANCELLED:
	case EXCHANGE_LEFT:
	case EXCHANGE_COMPLETE:
	case EXCHANGE_END_COUNT:
		break;
	}
	fail(out, ENDING_CUT, RELAY_NEXT_OTHER, error, "the connection broke");
}

/* --- an answer that says no --- */

static bool says(struct text message, const char *words)
{
	return text_find(message, text_of(words), 0) != TEXT_NOT_FOUND;
}

/* As OpenAI, Anthropic, vLLM, llama.cpp and Mistral put it. */
static bool is_too_long(const struct chat_reply *reply)
{
	static const char *const phrases[] = {
	    "context length",  "context_length",     "maximum context",
	    "context window",  "prompt is too long", "exceeds the available context",
	    "too many tokens",
	};

	for (size_t i = 0; i < reply->error_count; i++) {
		const struct chat_error *error = &reply->errors[i];
		if (text_is(error->code, "context_length_exceeded"))
			return true;
		for (size_t p = 0; p < ARRAY_LENGTH(phrases); p++)
			if (says(error->message, phrases[p]))
				return true;
	}
	return false;
}

/* Azure's 400, and the like. */
static bool refuses_content(const struct chat_reply *reply)
{
	for (size_t i = 0; i < reply->error_count; i++)
		if (text_is(reply->errors[i].code, "content_filter") ||
		    text_is(reply->errors[i].code, "content_policy_violation"))
			return true;
	return false;
}

static void judge_filtered(struct relay_judgement *out)
{
	fail(out, ENDING_REFUSED, RELAY_NEXT_OTHER, REFUSAL_INVALID_REQUEST,
	     "its content filter keeps it back");
	out->blames_target = false;
	out->filtered = true;
}

static void judge_pause(const struct relay_case *asked, struct relay_judgement *out)
{
	out->wait_ms = pace_asked_ms(asked->exchange, asked->reply, asked->now_wall_ms);
	/* Limits that were not hit name their resets as well: only these two speak of now. */
	if (asked->exchange->status != 429 && asked->exchange->status != 503 &&
	    exchange_header(asked->exchange, "retry-after").data == NULL)
		out->wait_ms = -1;
}

static void judge_refused_key(struct relay_judgement *out, const char *reason)
{
	fail(out, ENDING_REFUSED, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR, reason);
	out->key_refused = true;
	out->blames_target = false;
}

static void judge_status(const struct relay_case *asked, struct relay_judgement *out)
{
	int status = asked->exchange->status;
	enum refusal_code error = REFUSAL_UPSTREAM_ERROR;

	judge_pause(asked, out);
	if (status == 401 || status == 402 || status == 403) {
		judge_refused_key(out, "it refuses our key");
	} else if (chat_reply_quota_is_spent(asked->reply)) {
		judge_refused_key(out, "its quota is spent");
	} else if (status == 429) {
		fail(out, ENDING_ERROR, RELAY_NEXT_SAME_FIRST, REFUSAL_RATE_LIMITED,
		     "it limits our rate");
	} else if (status == 503) {
		fail(out, ENDING_ERROR, RELAY_NEXT_SAME_FIRST, error, "it is overloaded");
	} else if (status == 408 || status == 504) {
		fail(out, ENDING_ERROR, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_TIMEOUT,
		     "it says that it timed out");
	} else if (status == 501) {
		/* It lacks what was asked for, and may be well in all else. */
		fail(out, ENDING_REFUSED, RELAY_NEXT_OTHER, error, "it does not offer that");
		out->blames_target = false;
	} else if (status == 404 && asked->endpoint != ENDPOINT_RESPONSES) {
		/* The name is ours: the client's was resolved before. */
		fail(out, ENDING_REFUSED, RELAY_NEXT_OTHER, error, "it does not know the model");
		out->blames_target = false;
	} else if (status == 409 || status == 425 || status >= 500) {
		fail(out, ENDING_ERROR, RELAY_NEXT_OTHER, error, "it failed");
	} else if (status >= 400 && asked->filter_falls_back && refuses_content(asked->reply)) {
		judge_filtered(out);
	} else if (status >= 400) {
		bool long_one = is_too_long(asked->reply);
		fail(out, ENDING_REFUSED, long_one ? RELAY_NEXT_LARGER : RELAY_NEXT_TELL,
		     REFUSAL_INVALID_REQUEST,
		     long_one ? "the request is too long for it" : "it refuses the request");
		out->blames_target = false;
	} else {
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error,
		     "it answers neither yes nor no");
	}
}

bool relay_reply_is_filtered(const struct chat_reply *reply)
{
	for (size_t i = 0; i < reply->choice_count; i++)
		if (!text_is(reply->choices[i].finish_reason, "content_filter"))
			return false;
	return reply->choice_count > 0;
}

bool relay_reply_is_empty(const struct chat_reply *reply)
{
	if (reply->api != CHAT_API_CHAT && reply->api != CHAT_API_COMPLETIONS)
		return false;
	for (size_t i = 0; i < reply->choice_count; i++) {
		const struct chat_choice *choice = &reply->choices[i];
		/* Cut by a limit or a filter it may well be empty. */
		if (choice->content.len > 0 || choice->reasoning.len > 0 ||
		    choice->refusal.len > 0 || choice->tool_call_count > 0 ||
		    choice->function_call != NULL || text_is(choice->finish_reason, "length") ||
		    text_is(choice->finish_reason, "content_filter"))
			return false;
	}
	return true;
}

/* --- an answer that says yes --- */

const char *relay_malformed(const struct chat_reply *reply)
{
	return reply->broken_json ? "an event is no JSON" : "it holds bytes that are no UTF-8";
}

/* Chats and completions take each other's names; the others can't be taken for one another. */
static enum chat_api family_of(enum chat_api api)
{
	return api == CHAT_API_COMPLETIONS ? CHAT_API_CHAT : api;
}

/* A whole answer, but of another of OpenAI's endpoints, or a list of models: no client could read
 * it. Native formats have one kind only. */
static bool is_of_another_kind(const struct relay_case *asked)
{
	enum chat_api wanted = asked->endpoint == ENDPOINT_RESPONSES    ? CHAT_API_RESPONSES
	                       : asked->endpoint == ENDPOINT_EMBEDDINGS ? CHAT_API_EMBEDDINGS
	                                                                : CHAT_API_CHAT;
	enum chat_api came = family_of(asked->reply->api);

	return came >= CHAT_API_CHAT && came <= CHAT_API_MODELS && came != wanted;
}

static void judge_success(const struct relay_case *asked, struct relay_judgement *out)
{
	const struct chat_reply *reply = asked->reply;
	enum refusal_code error = REFUSAL_UPSTREAM_ERROR;

	if (!reply_is_readable(reply))
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error, "a 200 without a reply");
	else if (reply->error_count > 0)
		fail(out, ENDING_ERROR, RELAY_NEXT_OTHER, error,
		     "an error came within a reply of 200");
	else if (reply->streamed != asked->streamed)
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error,
		     asked->streamed ? "no stream came where one was asked for"
		                     : "a stream came where none was asked for");
	else if (reply->broken_json || reply->bad_utf8)
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error, relay_malformed(reply));
	else if (!reply->complete)
		fail(out, asked->streamed ? ENDING_CUT : ENDING_MALFORMED, RELAY_NEXT_OTHER, error,
		     "the reply is not complete");
	else if (is_of_another_kind(asked))
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error,
		     "the reply is one to another kind of request");
	else if (!asked->may_be_empty && relay_reply_is_empty(reply))
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, error, "a success that says nothing");
	else if (asked->filter_falls_back && relay_reply_is_filtered(reply))
		judge_filtered(out);
}

void relay_judge(const struct relay_case *asked, struct relay_judgement *out)
{
	const struct exchange *exchange = asked->exchange;

	*out = (struct relay_judgement){
	    .good = true, .ending = ENDING_OK, .wait_ms = -1, .reason = "good"};
	if (asked->timed_out)
		fail(out, ENDING_TIMEOUT, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_TIMEOUT,
		     asked->given_up);
	else if (asked->given_up != NULL && asked->reply->error_count > 0)
		fail(out, ENDING_ERROR, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR, asked->given_up);
	else if (asked->given_up != NULL)
		fail(out, ENDING_MALFORMED, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR,
		     asked->given_up);
	/* An error whose body broke off is an error all the same. */
	else if (exchange->status >= 300 && exchange->end != EXCHANGE_CANCELLED)
		judge_status(asked, out);
	else if (exchange->end != EXCHANGE_COMPLETE)
		judge_broken(asked, out);
	else
		judge_success(asked, out);
}
