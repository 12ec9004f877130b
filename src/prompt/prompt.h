/* Prompts: the words a question is asked with (method.md §3). The engine puts them into the model's own chat template.
 *
 * A prompt is a template for each way of asking, in sections:
 *
 *   [options]
 *   Hint: {hint}
 *   Question: {question}
 *   {label}. {option}
 *   Answer with one of {labels}.
 *   [yes/no]
 *   Question: {question}
 *   [open]
 *   Question: {question}
 *
 * What stands before the first section is [options]. A line with {label} or {option} is written once for every option, one with {hint} only
 * where the question has a hint. {labels} is "A, B, C"; {{ and }} are braces. A section ends before the line break of its last line: an empty
 * last line makes it end in a line break. Without [open] the open prompt is the paper's; without [yes/no] or [options] no such question can be
 * asked.
 *
 * An image stands where a text of the question's first names it, and its name is left out there; later it is named in words. Images whose
 * names the question itself begins with stand before the whole prompt, together with those that the prompt does not name, in their own order unless the
 * names are in another. */
#pragma once
#include <glib.h>

#include "dataset/dataset.h"
#include "engine/engine.h"

typedef struct {
  const char *name; /* as --prompt takes it and a run's identity has it */
  const char *summary;
  const char *score; /* the form of the score that goes with it, of ut_score_forms */
  const char *text;  /* the template */
} UtPromptInfo;

/* The paper's first; terminated by a row whose name is NULL. */
extern const UtPromptInfo ut_prompts[];

typedef struct _UtPrompt UtPrompt;

/* The prompt of that name, else of the template in the file of that name; the paper's for NULL. UT_ERROR_USAGE where there is neither,
 * UT_ERROR_FAILED naming file, line and what was expected for a template that will not do. */
UtPrompt *ut_prompt_new (const char *name, GError **error);

/* The prompt of a template's text, such as ut_prompt_text gives, named like a file's. */
UtPrompt *ut_prompt_of_text (const char *text, GError **error);
void ut_prompt_free (UtPrompt *prompt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtPrompt, ut_prompt_free)

/* Its name; of a file, "sha256:" and 16 digits of its text. Borrowed. */
const char *ut_prompt_name (const UtPrompt *prompt);

/* Its template. Borrowed. */
const char *ut_prompt_text (const UtPrompt *prompt);

/* The form of the score that goes with it, "sum" with a file's. Borrowed. */
const char *ut_prompt_score (const UtPrompt *prompt);

/* Whether a question with options is shown their letters, so that a letter can be its answer. */
gboolean ut_prompt_shows_letters (const UtPrompt *prompt);

/* UT_ERROR_USAGE naming the first item [UtItem *] that it has no words for. */
gboolean ut_prompt_check_items (const UtPrompt *prompt, GPtrArray *items, GError **error);

/* What an item is asked with: a prompt and where its images stand in it, as in UtQuery. */
typedef struct {
  char *text;
  UtPlace *places;
  unsigned n_places;
} UtWords;

/* The prompt without options, and the one with options or for Yes or No. The item must be one that it has words for. */
UtWords ut_prompt_write_open (const UtPrompt *prompt, const UtItem *item);
UtWords ut_prompt_write_closed (const UtPrompt *prompt, const UtItem *item);
void ut_words_clear (UtWords *words);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtWords, ut_words_clear)
