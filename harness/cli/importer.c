/* Remarks, YAML and LiteLLM's names; see importer.h. */
#include "harness/cli/importer.h"

#include "harness/base/json_write.h"

#include <stdarg.h>

enum { NAME_BYTES = 64 };

static const struct {
	const char *theirs, *ours;
} providers[] = {
    {"openai", "openai"},
    {"text-completion-openai", "openai"},
    {"anthropic", "anthropic"},
    {"gemini", "gemini"},
    {"mistral", "mistral"},
    {"deepseek", "deepseek"},
    {"together_ai", "together"},
    {"fireworks_ai", "fireworks"},
    {"groq", "groq"},
    {"dashscope", "qwen"},
    {"cohere", "cohere"},
    {"cohere_chat", "cohere"},
    {"xai", "xai"},
    {"moonshot", "moonshot"},
    {"openrouter", "openrouter"},
    {"cerebras", "cerebras"},
    {"perplexity", "perplexity"},
    {"ollama", "ollama"},
    {"ollama_chat", "ollama"},
    {"vllm", "vllm"},
    {"hosted_vllm", "vllm"},
    {"lm_studio", "lmstudio"},
    {"azure", "azure"},
    {"bedrock", "bedrock"},
    {"bedrock_converse", "bedrock"},
};

static const struct {
	const char *mode, *endpoint;
} modes[] = {
    {"chat", "chat"},
    {"completion", "completions"},
    {"responses", "responses"},
    {"embedding", "embeddings"},
};

/* --- remarks ------------------------------------------------------------------------ */

void importer_remark(struct importer *importer, const struct json *node, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	struct text what = text_vformat(importer->arena, format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < importer->remark_count; i++)
		if (text_equal(importer->remarks[i].what, what)) {
			importer->remarks[i].count++;
			return;
		}
	if (importer->remark_count == IMPORTER_REMARKS_MAX) {
		importer->remarks_dropped++;
		return;
	}
	importer->remarks[importer->remark_count++] =
	    (struct importer_remark){what, json_place(node), 1};
}

void importer_tell(const struct importer *importer, FILE *report)
{
	for (size_t i = 0; i < importer->remark_count; i++) {
		const struct importer_remark *remark = &importer->remarks[i];
		unsigned line, column;

		place_line_column(remark->first, &line, &column);
		(void)fprintf(report, "%.*s:%u:%u: warning: %.*s",
		              TEXT_ARG(remark->first.source->name), line, column,
		              TEXT_ARG(remark->what));
		if (remark->count > 1)
			(void)fprintf(report, " (and %zu more)", remark->count - 1);
		(void)fputc('\n', report);
	}
	if (importer->remarks_dropped > 0)
		(void)fprintf(report, "warning: %zu more of other kinds\n",
		              importer->remarks_dropped);
}

/* --- YAML --------------------------------------------------------------------------- */

void importer_put(struct importer *importer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)text_buf_vformat(importer->out, format, arguments);
	va_end(arguments);
}

void importer_put_quoted(struct importer *importer, struct text value)
{
	struct json_writer writer;

	json_writer_init(&writer, importer->out, false);
	json_write_string(&writer, value);
}

/* --- names -------------------------------------------------------------------------- */

struct text importer_known_provider(struct text theirs)
{
	for (size_t i = 0; i < ARRAY_LENGTH(providers); i++)
		if (text_is(theirs, providers[i].theirs))
			return text_of(providers[i].ours);
	return (struct text){NULL, 0};
}

bool importer_is_catalogued(struct text ours)
{
	for (size_t i = 0; i < ARRAY_LENGTH(providers); i++)
		if (text_is(ours, providers[i].ours))
			return true;
	return false;
}

struct text importer_clean_name(struct importer *importer, struct text given)
{
	char name[NAME_BYTES];
	size_t len = 0;

	for (; len < given.len && len < sizeof(name); len++) {
		char c = given.data[len];
		bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
		name[len] = fits ? c : '-';
	}
	return text_copy(importer->arena, (struct text){name, len});
}

const char *importer_endpoint(struct text mode)
{
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
		if (text_is(mode, modes[i].mode))
			return modes[i].endpoint;
	return NULL;
}
