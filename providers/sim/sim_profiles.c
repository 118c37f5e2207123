/*
 * Bundles of defects as they were seen together in the wild, named after what
 * they do: none of them is, or stands for, a vendor.
 */
#include "providers/sim/sim_private.h"

const struct sim_profile_info sim_profiles[] = {
    {"cuts-streams",
     "cuts streams in their text now and then and ends them as if nothing were (seen at relays)",
     "end-without-finish%30 cut-mid-content%30"},
    {"drops-tool-index",
     "streams tool calls whole, without index, ending in stop (seen at Google's compatible "
     "surface)",
     "TS-01 tool-whole finish-stop-with-calls refuse-unknown"},
    {"fails-in-band", "answers 200 and then says that it failed (seen at OpenRouter, Groq, vLLM)",
     "inband-error%40 error-200%20"},
    {"filter-chunk-first", "opens streams with a chunk of filter results (seen at Azure)",
     "filter-chunk-first"},
    {"ignores-response-format",
     "takes response_format and does not act on it (seen at Anthropic's compatible surface)",
     "ignore-schema ignore-seed"},
    {"ignores-tool-choice",
     "overlooks tool_choice and max_completion_tokens, shortens long prompts (seen at Ollama)",
     "ignore-tool-choice PA-02 ER-07 tool-whole"},
    {"null-and-missing-keys",
     "leaves out finish_reason until the end, ends twice (seen at xAI, Qwen, older SGLang)",
     "ST-05 ST-06"},
    {"overloaded", "is short of everything: 503, 429, slow to recover (seen everywhere)",
     "storm-429:5 overload-503%20"},
    {"refuses-developer", "knows no developer role (seen at Qwen and GLM relays)", "CH-07"},
    {"same-tool-index", "gives parallel calls one index (seen at Ollama, LiteLLM)",
     "TS-02 tool-whole"},
    {"short-tool-ids",
     "wants tool call ids of nine letters or digits, sends flat errors (seen at Mistral)",
     "TR-03 ER-05 tool-whole SU-01"},
    {"usage-every-chunk", "sends usage so far with every chunk and no [DONE] (seen at Perplexity)",
     "usage-every-chunk ST-02"},
    {"usage-on-finish",
     "has no usage chunk, usage rides on the finish (seen at DeepSeek, Mistral, Moonshot, Groq)",
     "SU-01"},
    {"weak-tool-caller",
     "gets tool calls wrong now and then, as quantised copies of a model do (seen at many hosts)",
     "TC-05%25 TC-09%20 TC-06%10"},
    {NULL, NULL, NULL},
};
