/* The engine in a program of the user's own: any framework, any model. docs/exec-engine.md is its protocol.
 *
 * One request at a time goes to the program, and one answer comes back. A program that ends, hangs or answers nonsense fails its request
 * with UT_ERROR_ENGINE and is started again for the next; one that says of itself that it failed, or gives a value that is no finite
 * number, goes on. */
#pragma once
#include "engine/engine.h"

extern const UtEngineClass ut_engine_exec;
