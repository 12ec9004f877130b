/* Prompts: the words a question is asked with (method.md §3). The engine puts them into the model's own chat template. */
#pragma once

/* The paper's multiple-choice prompt; `hint` may be NULL; `labels` are the options' letters. Both lists are NULL-terminated. */
char *ut_prompt_mcq (const char *hint, const char *question, const char *const *labels, const char *const *options);

/* The paper's POPE prompt. */
char *ut_prompt_yes_no (const char *question);

/* The paper's open prompt, without options. */
char *ut_prompt_open (const char *question);
