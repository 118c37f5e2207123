/* The simulator in native formats: what each of them refuses and in which envelope, and what is
 * only seen in the bytes: opaque state that must come back, streams that are no SSE, counts. */
#include "tests/unit/providers/sim_desk.h"

#define PICTURE                                                                                    \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+"                            \
	"M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

/* Single quotes stand for double ones. */
static void send(struct desk *desk, const char *path, const char *query, const char *body)
{
	struct text json = text_copy(&desk->arena, text_of(body));
	char *bytes = arena_alloc_bytes(&desk->arena, json.len + 1);

	for (size_t i = 0; i < json.len; i++)
		bytes[i] = json.data[i] == '\'' ? '"' : json.data[i];
	struct sim_request request = {
	    .method = TEXT("POST"),
	    .path = text_of(path),
	    .query = text_of(query),
	    .authorization = TEXT("Bearer sim-key"),
	    .x_api_key = TEXT("sim-key"),
	    .anthropic_version = TEXT("2023-06-01"),
	    .x_goog_api_key = TEXT("sim-key"),
	    .api_key = TEXT("sim-key"),
	    .body = {bytes, json.len},
	    .serial = ++desk->serial,
	    .wall_ms = 1795255200123,
	};
	sim_route(&desk->setup, &request, &desk->arena, &desk->output);
	desk_collect(desk);
}

#define MESSAGES "/v1/messages"
#define GEMINI "/v1beta/models/sim-small:generateContent"
#define COHERE "/v2/chat"
#define OLLAMA "/api/chat"
#define A_ASK "{'model':'sim-small','max_tokens':99,'messages':["
#define A_TOOL "{'name':'get_weather','input_schema':{'type':'object','properties':{}}}"
#define A_HI "{'role':'user','content':'hi'}"
#define A_USE "{'role':'assistant','content':[{'type':'tool_use','id':'t1','name':'f','input':{}}]}"
#define G_HI "{'role':'user','parts':[{'text':'hi'}]}"
#define G_CALL "{'role':'model','parts':[{'functionCall':{'name':'f','args':{}}}]}"
#define G_TOOL(schema) "'tools':[{'functionDeclarations':[{'name':'f','parameters':" schema "}]}]"
#define C_HI "{'model':'sim-small','messages':[{'role':'user','content':'hi'}]"
#define O_HI "{'model':'sim-small','stream':false,'messages':[{'role':'user','content':'hi'"

static const struct {
	const char *path, *body;
	int status;
	const char *says;
} refusals[] = {
    {MESSAGES, "{'max_tokens':9,'messages':[" A_HI "]}", 400, "model: Field required"},
    {MESSAGES, "{'model':'sim-small','messages':[" A_HI "]}", 400, "max_tokens: Field required"},
    {MESSAGES, "{'model':'sim-small','max_tokens':0,'messages':[" A_HI "]}", 400, "max_tokens"},
    {MESSAGES, "{'model':'nobody','max_tokens':9,'messages':[" A_HI "]}", 404, "not_found_error"},
    {MESSAGES, A_ASK "]}", 400, "at least one message"},
    {MESSAGES, A_ASK "{'role':'system','content':'x'}]}", 400, "'user' or 'assistant'"},
    {MESSAGES, A_ASK "{'role':'assistant','content':'x'}]}", 400, "first message"},
    {MESSAGES, A_ASK "{'role':'user','content':[{'type':'text','text':''}]}]}", 400,
     "text content blocks must be non-empty"},
    {MESSAGES, A_ASK "{'role':'user','content':[]}]}", 400, "non-empty content"},
    {MESSAGES, A_ASK "{'role':'user','content':[{'type':'image_url'}]}]}", 400, "Input tag"},
    {MESSAGES, A_ASK A_HI ",{'role':'assistant','content':'yes '}]}", 400, "trailing whitespace"},
    {MESSAGES, A_ASK A_HI "," A_USE "," A_HI "]}", 400, "without `tool_result` blocks"},
    {MESSAGES, A_ASK A_HI "," A_USE "]}", 400, "without `tool_result` blocks"},
    {MESSAGES,
     A_ASK "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t9','content':'x'}]}]}",
     400, "unexpected `tool_use_id`"},
    {MESSAGES,
     A_ASK A_HI ",{'role':'assistant','content':[{'type':'tool_use','id':'f:0','name':'f',"
                "'input':{}}]}]}",
     400, "^[a-zA-Z0-9_-]+$"},
    {MESSAGES,
     A_ASK A_HI ",{'role':'assistant','content':[{'type':'tool_use','id':'t1','name':'f',"
                "'input':'{}'}]}]}",
     400, "valid dictionary"},
    {MESSAGES,
     A_ASK A_HI ",{'role':'assistant','content':[{'type':'thinking','thinking':'hm','signature':"
                "'AAAA'},{'type':'text','text':'x'}]}," A_HI "]}",
     400, "Invalid `signature`"},
    {MESSAGES, A_ASK A_HI "],'temperature':1.5}", 400, "temperature: range: 0..1"},
    {MESSAGES, A_ASK A_HI "],'stop_sequences':[' ']}", 400, "non-whitespace"},
    {MESSAGES, A_ASK A_HI "],'seed':7}", 400, "seed: Extra inputs are not permitted"},
    {MESSAGES, A_ASK A_HI "],'tool_choice':{'type':'any'}}", 400, "while providing tools"},
    {MESSAGES, A_ASK A_HI "],'tools':[" A_TOOL "],'tool_choice':{'type':'tool','name':'g'}}", 400,
     "not found in provided tools"},
    {MESSAGES,
     A_ASK A_HI "],'tools':[" A_TOOL
                "],'tool_choice':{'type':'any'},'thinking':{'type':'adaptive'}}",
     400, "Thinking may not be enabled"},
    {MESSAGES, A_ASK A_HI "],'thinking':{'type':'enabled','budget_tokens':10}}", 400, "1024"},
    {MESSAGES, A_ASK A_HI "],'tools':[{'name':'f','input_schema':{'type':'string'}}]}", 400,
     "input_schema.type"},
    {MESSAGES,
     A_ASK A_HI "],'output_config':{'format':{'type':'json_schema','schema':{'type':'object',"
                "'properties':{}}}}}",
     400, "additionalProperties"},
    {MESSAGES,
     A_ASK A_HI
     "],'output_config':{'format':{'type':'json_schema','schema':{'type':'object','properties':"
     "{'a':{'type':'string','minLength':2}},'additionalProperties':false}}}}",
     400, "minLength"},
    {GEMINI, "{}", 400, "contents is not specified"},
    {GEMINI, "{'contents':[" G_HI "],'stream':true}", 400, "Unknown name \\\"stream\\\""},
    {GEMINI, "{'contents':[{'role':'assistant','parts':[{'text':'x'}]}]}", 400, "valid role"},
    {GEMINI, "{'contents':[{'role':'user','parts':[]}]}", 400, "must not be empty"},
    {GEMINI, "{'contents':[{'role':'user','parts':[{'txt':'x'}]}]}", 400, "Unknown name"},
    {GEMINI, "{'contents':[" G_CALL "]}", 400, "function call turn comes immediately"},
    {GEMINI, "{'contents':[" G_HI "," G_CALL "," G_HI "]}", 400, "number of function response"},
    {GEMINI,
     "{'contents':[" G_HI "," G_CALL ",{'role':'user','parts':[{'functionResponse':{'name':'f',"
     "'response':'x'}}]}]}",
     400, "function_response.response"},
    {GEMINI,
     "{'contents':[" G_HI ",{'role':'model','parts':[{'functionCall':{'name':'f','args':'{}'}}]}]}",
     400, "function_call.args"},
    {GEMINI,
     "{'contents':[" G_HI "]," G_TOOL("{'type':'object','properties':{'a':{'type':'string'}},"
                                      "'additionalProperties':false}") "}",
     400, "additionalProperties"},
    {GEMINI,
     "{'contents':[" G_HI "]," G_TOOL("{'type':'object','properties':{'a':{'type':"
                                      "['string','null']}}}") "}",
     400, "not repeating"},
    {GEMINI, "{'contents':[" G_HI "]," G_TOOL("{'type':'object','properties':{}}") "}", 400,
     "should be non-empty"},
    {GEMINI,
     "{'contents':[" G_HI "],'generationConfig':{'stopSequences':['a','b','c','d','e','f']}}", 400,
     "stop_sequences"},
    {GEMINI, "{'contents':[" G_HI "],'generationConfig':{'responseSchema':{'type':'object'}}}", 400,
     "application/json"},
    {GEMINI, "{'contents':[" G_HI "],'generationConfig':{'temperature':3}}", 400, "temperature"},
    {GEMINI,
     "{'contents':[" G_HI "],'toolConfig':{'functionCallingConfig':{'mode':'AUTO',"
     "'allowedFunctionNames':['f']}}}",
     400, "allowed_function_names"},
    {"/v1beta/models/nobody:generateContent", "{'contents':[" G_HI "]}", 404, "NOT_FOUND"},
    {COHERE, "{'messages':[]}", 400, "model is required"},
    {COHERE, "{'model':'sim-small','messages':[]}", 400, "messages must not be empty"},
    {COHERE, C_HI ",'n':1}", 422, "unknown field: parameter 'n'"},
    {COHERE, "{'model':'sim-small','messages':[{'role':'user','content':''}]}", 400,
     "at least 1 token long"},
    {COHERE, "{'model':'sim-small','messages':[{'role':'user','content':'x','name':'y'}]}", 422,
     "messages[0].name"},
    {COHERE, C_HI ",'tool_choice':'auto'}", 400, "REQUIRED or NONE"},
    {COHERE, C_HI ",'frequency_penalty':-1}", 400, "frequency_penalty"},
    {COHERE,
     C_HI ",'tools':[{'type':'function','function':{'name':'f'}}],'response_format':{'type':"
          "'json_object'}}",
     400, "both response_format and tools"},
    {OLLAMA, "{'messages':[]}", 400, "model is required"},
    {OLLAMA, "{'model':'nobody','messages':[]}", 404, "nobody"},
    {OLLAMA, "{'model':'sim-small','messages':[{'role':'developer','content':'x'}]}", 400,
     "invalid role"},
    {OLLAMA, "{'model':'sim-small','messages':[{'role':'user','content':[]}]}", 400,
     "messages.content of type string"},
    {OLLAMA, O_HI ",'images':['https://example.com/a.png']}]}", 400, "illegal base64"},
    {OLLAMA, O_HI ",'images':['AAAA']}]}", 400, "Failed to load image"},
    {OLLAMA,
     O_HI "},{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':'{}'}}]}]}", 400,
     "ToolCallFunctionArguments"},
    {OLLAMA, O_HI "}],'format':'xml'}", 400, "invalid format"},
};

START_TEST(what_is_wrong_is_refused_in_the_dialects_words)
{
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
		send(&desk, refusals[i].path, "", refusals[i].body);
		ck_assert_msg(desk.output.status == refusals[i].status, "%d for %s: %.*s",
		              desk.output.status, refusals[i].body, TEXT_ARG(desk.bytes));
		ck_assert_msg(desk_says(&desk, refusals[i].says), "%s: %.*s", refusals[i].body,
		              TEXT_ARG(desk.bytes));
		ck_assert_msg(desk.body != NULL, "%s is answered no JSON", refusals[i].body);
	}
	desk_close(&desk);
}
END_TEST

/* An error's message stands where the dialect's clients look for it. */
START_TEST(errors_have_the_dialects_envelope)
{
	static const struct {
		const char *path, *message, *kind, *value;
	} envelopes[] = {
	    {MESSAGES, "/error/message", "/error/type", "invalid_request_error"},
	    {GEMINI, "/error/message", "/error/status", "INVALID_ARGUMENT"},
	    {COHERE, "/message", NULL, NULL},
	    {OLLAMA, "/error", NULL, NULL},
	};
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(envelopes); i++) {
		send(&desk, envelopes[i].path, "", "{'model':");
		ck_assert_int_eq(desk.output.status, 400);
		ck_assert(desk_at(&desk, envelopes[i].message).len > 0);
		if (envelopes[i].kind != NULL)
			assert_text(desk_at(&desk, envelopes[i].kind), envelopes[i].value);
	}
	desk_close(&desk);
}
END_TEST

START_TEST(overload_and_waits_are_told_as_each_of_them_tells_them)
{
	struct desk desk;

	desk_open(&desk, "overload-503");
	send(&desk, MESSAGES, "", A_ASK A_HI "]}");
	ck_assert_int_eq(desk.output.status, 529);
	assert_text(desk_at(&desk, "/error/type"), "overloaded_error");
	send(&desk, GEMINI, "", "{'contents':[" G_HI "]}");
	ck_assert_int_eq(desk.output.status, 503);
	assert_text(desk_at(&desk, "/error/details/0/retryDelay"), "1s");
	ck_assert(desk_header(&desk, "retry-after").data == NULL);
	desk_close(&desk);
}
END_TEST

/* Who tampers with a thought, or leaves the signature of a call out, is found out. */
START_TEST(opaque_state_must_come_back_as_it_was)
{
	struct desk desk;

	desk_open(&desk, NULL);
	send(&desk, MESSAGES, "", A_ASK A_HI "],'thinking':{'type':'adaptive'}}");
	struct text thinking = desk_at(&desk, "/content/0/thinking");
	struct text signature = desk_at(&desk, "/content/0/signature");
	ck_assert(thinking.len > 0 && signature.len > 0);
	for (int changed = 0; changed < 2; changed++) {
		send(&desk, MESSAGES, "",
		     text_c(&desk.arena,
		            text_format(
				&desk.arena,
				A_ASK A_HI
				",{'role':'assistant','content':[{'type':'thinking','thinking':"
				"'%.*s%s','signature':'%.*s'},{'type':'text','text':'x'}]}," A_HI
				"]}",
				TEXT_ARG(thinking), changed ? "!" : "", TEXT_ARG(signature))));
		ck_assert_int_eq(desk.output.status, changed ? 400 : 200);
	}
	desk_close(&desk);
}
END_TEST

START_TEST(from_gemini_3_on_a_call_comes_back_signed)
{
	static const struct text models[] = {TEXT_INIT("gemini-3-sim")};
	struct sim_options options = sim_defaults;
	struct desk desk;
	static const char path[] = "/v1beta/models/gemini-3-sim:generateContent";

	options.models = models;
	options.model_count = 1;
	desk_open_with(&desk, &options, NULL);
	send(&desk, path, "",
	     "{'contents':[{'role':'user','parts':[{'text':'weather?'}]}],'tools':[{"
	     "'functionDeclarations':[{'name':'get_weather'}]}]}");
	struct text signature = desk_at(&desk, "/candidates/0/content/parts/0/thoughtSignature");
	ck_assert(desk_at(&desk, "/candidates/0/content/parts/0/functionCall/id").len > 0);
	const char *const sent[] = {signature.data, "AAAA", "skip_thought_signature_validator",
	                            NULL};
	for (size_t i = 0; i < ARRAY_LENGTH(sent); i++) {
		struct text member =
		    sent[i] == NULL
			? TEXT("")
			: text_format(&desk.arena, ",'thoughtSignature':'%.*s'",
		                      (int)(i == 0 ? signature.len : strlen(sent[i])), sent[i]);
		send(&desk, path, "",
		     text_c(&desk.arena,
		            text_format(
				&desk.arena,
				"{'contents':[" G_HI ",{'role':'model','parts':[{'functionCall':"
				"{'name':'get_weather','args':{}}%.*s}]},{'role':'user','parts':"
				"[{'functionResponse':{'name':'get_weather','response':{'a':1}}}]"
				"}]}",
				TEXT_ARG(member))));
		ck_assert_int_eq(desk.output.status, i == 0 || i == 2 ? 200 : 400);
	}
	desk_close(&desk);
}
END_TEST

START_TEST(streams_are_framed_as_each_of_them_frames_them)
{
	struct desk desk;

	desk_open(&desk, NULL);
	send(&desk, MESSAGES, "", A_ASK A_HI "],'stream':true}");
	ck_assert(desk_says(&desk, "event: message_start\ndata: {") &&
	          desk_says(&desk, "event: ping"));
	ck_assert(!desk_says(&desk, "[DONE]"));
	send(&desk, "/v1beta/models/sim-small:streamGenerateContent", "alt=sse",
	     "{'contents':[" G_HI "]}");
	ck_assert(desk_says(&desk, "data: {\"candidates\"") && !desk_says(&desk, "[DONE]"));
	ck_assert_uint_eq(desk_count(&desk, "data: "), desk_count(&desk, "usageMetadata"));
	send(&desk, "/v1beta/models/sim-small:streamGenerateContent", "",
	     "{'contents':[" G_HI "]}");
	ck_assert(json_is(desk.body, JSON_ARRAY) && desk.body->count > 2);
	send(&desk, COHERE, "", C_HI ",'stream':true}");
	ck_assert(desk_says(&desk, "event: message-end\ndata: {"));
	/* Streamed unless it is told not to. */
	send(&desk, OLLAMA, "",
	     "{'model':'sim-small','messages':[{'role':'user','content':'hi'}]}");
	assert_text(desk_header(&desk, "content-type"), "application/x-ndjson");
	ck_assert(desk_count(&desk, "\n") > 2 && desk_count(&desk, "\"done\":true") == 1);
	desk_close(&desk);
}
END_TEST

/* The same tokens under five names: without what was cached, with it, billed and not. */
START_TEST(tokens_are_counted_by_each_convention)
{
	struct desk desk;

	desk_open(&desk, NULL);
	send(&desk, OLLAMA, "", O_HI "}]}");
	struct text in = desk_at(&desk, "/prompt_eval_count"), out = desk_at(&desk, "/eval_count");
	ck_assert(in.len > 0 && out.len > 0);
	send(&desk, COHERE, "", C_HI "}");
	ck_assert(text_equal(desk_at(&desk, "/usage/billed_units/input_tokens"), in));
	ck_assert(!text_equal(desk_at(&desk, "/usage/tokens/input_tokens"), in));
	send(&desk, GEMINI, "", "{'contents':[" G_HI "]}");
	ck_assert(text_equal(desk_at(&desk, "/usageMetadata/promptTokenCount"), in));
	send(&desk, MESSAGES, "", A_ASK A_HI "]}");
	ck_assert(text_equal(desk_at(&desk, "/usage/input_tokens"), in));
	send(&desk, "/v1/messages/count_tokens", "", "{'model':'sim-small','messages':[" A_HI "]}");
	ck_assert(text_equal(desk_at(&desk, "/input_tokens"), in));
	desk_close(&desk);
}
END_TEST

START_TEST(pictures_are_taken_as_each_of_them_carries_them)
{
	struct desk desk;

	desk_open(&desk, NULL);
	send(&desk, MESSAGES, "",
	     A_ASK
	     "{'role':'user','content':[{'type':'image','source':{'type':'base64','media_type':"
	     "'image/png','data':'" PICTURE "'}}]}]}");
	ck_assert_int_eq(desk.output.status, 200);
	send(&desk, GEMINI, "",
	     "{'contents':[{'role':'user','parts':[{'inlineData':{'mimeType':'image/"
	     "png','data':'" PICTURE "'}}]}]}");
	ck_assert_int_eq(desk.output.status, 200);
	send(&desk, OLLAMA, "", O_HI ",'images':['" PICTURE "']}]}");
	ck_assert_int_eq(desk.output.status, 200);
	desk_close(&desk);
}
END_TEST

START_TEST(azure_has_two_doors_and_a_filter)
{
	static const char ask[] = "{'messages':[{'role':'user','content':'hi'}]}";
	struct desk desk;

	desk_open(&desk, NULL);
	send(&desk, "/openai/deployments/sim-small/chat/completions", "api-version=2024-10-21",
	     ask);
	ck_assert_int_eq(desk.output.status, 200);
	assert_text(desk_at(&desk, "/model"), "sim-small");
	ck_assert(desk_header(&desk, "apim-request-id").len > 0);
	send(&desk, "/openai/deployments/sim-small/chat/completions", "", ask);
	ck_assert_int_eq(desk.output.status, 404);
	send(&desk, "/openai/deployments/nobody/chat/completions", "api-version=1", ask);
	assert_text(desk_at(&desk, "/error/code"), "DeploymentNotFound");
	send(&desk, "/openai/v1/chat/completions", "",
	     "{'model':'sim-small','stream':true,'messages':[{'role':'user','content':'hi'}]}");
	ck_assert(text_find(desk.bytes, TEXT("prompt_filter_results"), 0) <
	          text_find(desk.bytes, TEXT("delta"), 0));
	desk_close(&desk);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, what_is_wrong_is_refused_in_the_dialects_words);
	tcase_add_test(tcase, errors_have_the_dialects_envelope);
	tcase_add_test(tcase, overload_and_waits_are_told_as_each_of_them_tells_them);
	tcase_add_test(tcase, opaque_state_must_come_back_as_it_was);
	tcase_add_test(tcase, from_gemini_3_on_a_call_comes_back_signed);
	tcase_add_test(tcase, streams_are_framed_as_each_of_them_frames_them);
	tcase_add_test(tcase, tokens_are_counted_by_each_convention);
	tcase_add_test(tcase, pictures_are_taken_as_each_of_them_carries_them);
	tcase_add_test(tcase, azure_has_two_doors_and_a_filter);
}

int main(void)
{
	return unit_main("sim_native", add);
}
