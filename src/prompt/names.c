/* The prompts that users know by name, to the letter. */
#include "prompt/prompt.h"

const UtPromptInfo ut_prompts[] = {
  { "paper", "the paper's; an option's text is scored", "sum",
    "[options]\n"
    "Hint: {hint}\n"
    "Question: {question}\n"
    "Options:\n"
    "{label}. {option}\n"
    "Please select the correct answer from the options above.\n"
    "[yes/no]\n"
    "Question: {question}\n"
    "Answer with exactly one word: Yes or No.\n"
    "[open]\n"
    "Question: {question}\n"
    "Please answer the question concisely." },
  { "vlmevalkit", "VLMEvalKit's for multiple choice and POPE, which reads a letter off the answer; the letter is scored",
    "letter",
    "[options]\n"
    "Hint: {hint}\n"
    "Question: {question}\n"
    "Options:\n"
    "{label}. {option}\n"
    "Please select the correct answer from the options above. \n"
    "\n"
    "[yes/no]\n"
    "{question}" },
  { "lmms-eval", "lmms-eval's for multiple choice and POPE; the letter is scored", "letter",
    "[options]\n"
    "{question}\n"
    "{label}. {option}\n"
    "Answer with the option's letter from the given choices directly.\n"
    "[yes/no]\n"
    "{question}\n"
    "Answer the question using a single word or phrase." },
  { "seedbench", "SEED-Bench's own, which shows no options; an option's text is scored", "text",
    "[options]\n"
    "Question: {question}\n"
    "Answer:" },
  { "mmmu", "MMMU's own; the letter is scored", "letter",
    "[options]\n"
    "{question}\n"
    "\n"
    "({label}) {option}\n"
    "\n"
    "Answer with the option's letter from the given choices directly." },
  {},
};
