/* A deterministic stand-in for a model: every number follows from the pixels and the text, so that the pipeline is tested without
 * weights. Small image changes move its representations a little and large ones a lot; some flip its answers.
 *
 * Two prompts do harm on purpose: one holding "[mock:error]" fails its request, one holding "[mock:abort]" aborts the process as
 * ggml does on a failed assertion. */
#pragma once
#include "engine/engine.h"

extern const UtEngineClass ut_engine_mock;
