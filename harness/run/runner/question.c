/* A step as a request: its templates filled in for one trial; see question.h. */
#include "harness/run/runner/question.h"

bool question_streams(const struct case_step *step, enum case_variant variant)
{
	return step->streams < 0 ? variant == CASE_STREAM : step->streams == 1;
}

struct chat_request question_request(const struct case_step *step, enum case_variant variant)
{
	bool streamed = question_streams(step, variant);

	return (struct chat_request){
	    .endpoint = step->endpoint,
	    .method = step->method,
	    .body = TEXT(""),
	    .streamed = streamed,
	    .usage_asked = streamed && step->usage_asked,
	    .auth = step->auth,
	    .wire = step->wire,
	};
}

static bool fill_body(const struct case_step *step, const struct template_target *target,
                      const struct template_values *values, struct arena *arena, struct text *body,
                      struct fault *fault)
{
	if (step->request != NULL)
		return template_body(step->request, values, target, arena, body, fault);
	if (step->raw.data != NULL)
		return template_fill_text(step->raw, values, arena, body, fault);
	return true; /* GET /models has none */
}

bool question_build(const struct case_step *step, enum case_variant variant, struct text model,
                    const struct template_values *values, struct arena *arena, struct question *out,
                    struct fault *fault)
{
	struct template_values own;
	struct json *body;
	struct fault none;

	*out = (struct question){.request = question_request(step, variant)};
	const struct template_target target = {
	    .model = model,
	    .streamed = out->request.streamed,
	    .usage_asked = out->request.usage_asked,
	};
	if (step->copy > 0) {
		template_copy_values(values, step->copy, arena, &own);
		values = &own;
	}
	if (!fill_body(step, &target, values, arena, &out->request.body, fault))
		return false;
	out->request.body = case_step_pad(step, out->request.body, arena, &out->request.padding);
	if (out->request.body.len > 0 &&
	    json_read_text(out->request.body, "request", arena, &body, &none))
		out->body = body;
	return true;
}
