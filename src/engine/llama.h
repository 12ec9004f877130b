/* The engine over libllama and libmtmd: GGUF models, on whatever backends ggml finds.
 *
 * What is shared and when it is exact: the images and the text before them are encoded and decoded once a request; every query is a
 * suffix of that prefix, every option a suffix of its query. With flash attention the suffixes of many queries run as one batch, each
 * in a sequence of its own, which on the plain CPU backend gives the same bits as evaluating each alone; without flash attention they
 * run one after the other, since only that is bit-equal there. */
#pragma once
#include "engine/engine.h"

extern const UtEngineClass ut_engine_llama;
