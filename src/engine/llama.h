/* The engine over libllama and libmtmd: GGUF models, on whatever backends ggml finds.
 *
 * What is shared and when it is exact: the images and the text before them are encoded and decoded once a request; every query is a
 * suffix of that prefix, every option a suffix of its query. On the CPU suffixes run one after the other, each cut off again before
 * the next, which gives the same bits as evaluating each alone. Many suffixes in one batch would not: ggml's attention adds up in
 * another order when a batch is larger or its cells lie elsewhere (1e-2 in the last layer's residual with flash attention, 1e-5
 * without). On a GPU, where nothing is bit-equal and small batches starve the device, they do run as one batch, each in a sequence of
 * its own. Greedy answers are written together everywhere: one token of each a step. */
#pragma once
#include "engine/engine.h"

extern const UtEngineClass ut_engine_llama;
