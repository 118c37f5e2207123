/*
 * Bundles of defects as they were seen together in the wild, named after what they do or where
 * they were seen: none of them is, or stands for, a vendor. Some defects act in a native dialect
 * only, others only in OpenAI's: a place is seen through the surface that is asked.
 */
#include "providers/sim/sim_private.h"

const struct sim_profile_info sim_profiles[] = {
    {"cuts-streams",
     "cuts streams in their text now and then and ends them as if nothing were (seen at relays)",
     "end-without-finish%30 cut-mid-content%30", NULL},
    {"drops-tool-index",
     "streams tool calls whole, without index, ending in stop (seen at Google's compatible "
     "surface)",
     "TS-01 tool-whole finish-stop-with-calls refuse-unknown", NULL},
    {"fails-in-band", "answers 200 and then says that it failed (seen at OpenRouter, Groq, vLLM)",
     "inband-error%40 error-200%20", NULL},
    {"filter-chunk-first", "opens streams with a chunk of filter results (seen at Azure)",
     "filter-chunk-first", NULL},
    {"ignores-response-format",
     "takes response_format and does not act on it (seen at Anthropic's compatible surface)",
     "ignore-schema ignore-seed", NULL},
    {"ignores-tool-choice",
     "overlooks tool_choice and max_completion_tokens, shortens long prompts (seen at Ollama)",
     "ignore-tool-choice PA-02 ER-07 tool-whole", NULL},
    {"null-and-missing-keys",
     "leaves out finish_reason until the end, ends twice (seen at xAI, Qwen, older SGLang)",
     "ST-05 ST-06", NULL},
    {"overloaded", "is short of everything: 503, 429, slow to recover (seen everywhere)",
     "storm-429:5 overload-503%20", NULL},
    {"refuses-developer", "knows no developer role (seen at Qwen and GLM relays)", "CH-07", NULL},
    {"same-tool-index", "gives parallel calls one index (seen at Ollama, LiteLLM)",
     "TS-02 tool-whole", NULL},
    {"seen-at-anthropic", "breaks in with an overload, pads its events, begins twice",
     "anthropic-overloaded%10 anthropic-second-start%10 anthropic-padding "
     "overload-503%5",
     "anthropic-sse-trailing-space anthropic-midstream-error-200 "
     "anthropic-delta-usage-differs anthropic-empty-args "
     "anthropic-input-excludes-cache anthropic-529 anthropic-dup-message-start"},
    {"seen-at-anthropic-compat", "overlooks response_format and seed, counts calls from 1",
     "ignore-schema ignore-seed tool-index-one",
     "anthropic-compat-tool-index-one anthropic-compat-ignores-response-format"},
    {"seen-at-azure", "tells of its filter before, between and in place of answers",
     "azure-no-delta azure-null-role azure-prompt-filter%5",
     "azure-first-chunk-empty azure-async-filter-no-delta azure-prompt-filter-400 "
     "azure-foundry-sglang-shape"},
    {"seen-at-bedrock", "is throttled within streams, does not always count",
     "bedrock-exception%10 bedrock-no-usage%20", "bedrock-binary-stream bedrock-kimi-no-usage"},
    {"seen-at-cerebras", "sends errors without an envelope", "ER-05", "cerebras-flat-error"},
    {"seen-at-cohere", "calls no arguments null, bills less than it counts",
     "cohere-null-arguments", "cohere-billed-units cohere-null-args"},
    {"seen-at-cohere-compat", "overlooks tool_choice, refuses stream_options",
     "ignore-tool-choice SU-03", "cohere-compat-no-tool-choice"},
    {"seen-at-deepseek",
     "wants its thoughts back, keeps lines alive by comments, counts on the finish",
     "comments SU-01 TR-08 overload-503%5",
     "deepseek-keepalive-comment deepseek-reasoning-replay "
     "deepseek-usage-on-finish"},
    {"seen-at-fireworks", "shortens prompts that are too long", "ER-07",
     "fireworks-truncate-default"},
    {"seen-at-gemini",
     "gives broken calls and blocked prompts reasons of their own, and says stop "
     "beside calls",
     "gemini-malformed-call%10 gemini-prompt-blocked%5 gemini-no-parts",
     "gemini-native-stop-with-call gemini-native-thoughts-excluded "
     "gemini-native-no-candidates gemini-native-no-done gemini-retrydelay-in-body "
     "gemini-malformed-function-call"},
    {"seen-at-gemini-compat",
     "streams calls whole, without index, ending in stop; refuses what it does not "
     "know",
     "TS-01 tool-whole finish-stop-with-calls refuse-unknown",
     "gemini-compat-no-index gemini-compat-finish-stop "
     "gemini-compat-unknown-field-400"},
    {"seen-at-groq", "fails within a stream of status 200, refuses names of messages",
     "inband-error%10 SU-01 CH-12", "groq-stream-error-in-200 groq-unsupported-400"},
    {"seen-at-litellm", "gives parallel calls one index, ends in stop, loses errors on the way",
     "TS-02 finish-stop-with-calls usage-with-choices end-without-finish%10 "
     "ER-20%5",
     "litellm-usage-with-choices litellm-truncated-200 litellm-error-swallowed "
     "litellm-finish-stop litellm-same-index"},
    {"seen-at-llamacpp", "loads its model first, writes calls into the text now and then",
     "overload-503:3 tool-as-text%20", "llamacpp-503-loading llamacpp-jinja"},
    {"seen-at-mistral", "wants ids of nine letters, sends calls whole without index, errors flat",
     "TR-03 TR-12 TS-01 tool-whole SU-01 ER-05",
     "mistral-tool-id-9 mistral-one-shot-no-index mistral-role-after-tool"},
    {"seen-at-moonshot",
     "takes one temperature and schemas without references, counts on the finish",
     "PA-11 TC-18 SU-01", "moonshot-temp-fixed moonshot-schema-subset"},
    {"seen-at-ollama",
     "overlooks tool_choice, the newer limit and, at times, the format; shortens "
     "prompts",
     "ignore-tool-choice PA-02 ER-07 tool-whole ollama-ignores-format%30",
     "ollama-tool-choice-ignored ollama-history-args ollama-image-url "
     "ollama-max-completion-ignored ollama-cloud-schema"},
    {"seen-at-openai", "is as it is documented, and its quota may be spent", "quota-429%5",
     "openai-usage-empty-choices openai-obfuscation-field "
     "openai-named-tool-finish-stop openai-429-nonretryable"},
    {"seen-at-openrouter",
     "keeps lines alive by comments, answers 200 and then says that it failed, "
     "ends twice",
     "comments inband-error%10 error-200%5 ST-06",
     "openrouter-comments openrouter-midstream-error openrouter-200-error-body "
     "openrouter-double-finish openrouter-cost-field"},
    {"seen-at-perplexity", "counts with every chunk, sends no [DONE]", "usage-every-chunk ST-02",
     "perplexity-usage-each-chunk perplexity-no-done"},
    {"seen-at-portkey", "lets parameters go without a word", "ignore-seed PA-08",
     "portkey-param-allowlist"},
    {"seen-at-qwen", "gives fragments of calls empty ids, leaves finish_reason out until the end",
     "tool-empty-ids ST-05", "qwen-empty-id-continuation qwen-missing-finish-key"},
    {"seen-at-sglang", "sends no index and the finish twice, errors flat", "TS-01 ST-06 ER-05",
     "sglang-missing-index sglang-double-finish"},
    {"seen-at-together", "says eos where it is stop, overlooks tool_choice",
     "FR-01 ignore-tool-choice", "together-tool-choice together-finish-eos"},
    {"seen-at-tokenmix", "is served now by one, now by another", "CH-04%20",
     "tokenmix-upstream-failover"},
    {"seen-at-vllm", "fails within a stream and says [DONE], does not bind arguments",
     "inband-error-done%10 TC-04%10", "vllm-midstream-error-done vllm-auto-unconstrained"},
    {"seen-at-xai",
     "leaves finish_reason out until the end, answers 200 with an error, counts "
     "thoughts and cache beside the rest",
     "ST-05 error-200%5 US-07 usage-cached-over-prompt",
     "xai-reasoning-not-in-completion xai-cached-over-prompt xai-error-200-json "
     "xai-no-finish-key"},
    {"short-tool-ids",
     "wants tool call ids of nine letters or digits, sends flat errors (seen at Mistral)",
     "TR-03 ER-05 tool-whole SU-01", NULL},
    {"usage-every-chunk", "sends usage so far with every chunk and no [DONE] (seen at Perplexity)",
     "usage-every-chunk ST-02", NULL},
    {"usage-on-finish",
     "has no usage chunk, usage rides on the finish (seen at DeepSeek, Mistral, Moonshot, Groq)",
     "SU-01", NULL},
    {"weak-tool-caller",
     "gets tool calls wrong now and then, as quantised copies of a model do (seen at many hosts)",
     "TC-05%25 TC-09%20 TC-06%10", NULL},
    {NULL, NULL, NULL, NULL},
};
