/* The words questions are asked with: the known prompts to the letter, templates of the user's own, and where images stand. */
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "prompt/prompt.h"

/* The fields of an item are its own; these are borrowed. */
#define TEXT (char *)
static char *three[] = { TEXT "red", TEXT "None", TEXT "a {b}", NULL };
static char *letters[] = { TEXT "A", TEXT "B", TEXT "D", NULL };
static char *yes_no[] = { TEXT "Yes", TEXT "No", NULL };

static const UtItem choice = { .id = TEXT "c1", .question = TEXT "Which?", .options = three, .labels = letters, .n_options = 3 };
static const UtItem hinted
    = { .id = TEXT "c2", .question = TEXT "Which?", .hint = TEXT "Look.", .options = three, .labels = letters, .n_options = 3 };
static const UtItem pope
    = { .id = TEXT "p1", .question = TEXT "Is it?", .options = yes_no, .labels = yes_no, .n_options = 2, .yes_no = TRUE };

static UtPrompt *
named (const char *name)
{
  g_autoptr (GError) error = NULL;
  UtPrompt *prompt = ut_prompt_new (name, &error);
  g_assert_no_error (error);
  return prompt;
}

static void
assert_closed (const UtPrompt *prompt, const UtItem *item, const char *expected)
{
  g_auto (UtWords) words = ut_prompt_write_closed (prompt, item);
  g_assert_cmpstr (words.text, ==, expected);
}

/* As their projects have them, blanks and line breaks included. */
static void
test_known (void)
{
  static const struct {
    const char *name, *score, *choice, *hinted, *yes_no;
  } all[] = {
    { NULL, "sum",
      "Question: Which?\nOptions:\nA. red\nB. None\nD. a {b}\nPlease select the correct answer from the options above.",
      "Hint: Look.\nQuestion: Which?\nOptions:\nA. red\nB. None\nD. a {b}\nPlease select the correct answer from the options "
      "above.",
      "Question: Is it?\nAnswer with exactly one word: Yes or No." },
    { "vlmevalkit", "letter",
      "Question: Which?\nOptions:\nA. red\nB. None\nD. a {b}\nPlease select the correct answer from the options above. \n",
      "Hint: Look.\nQuestion: Which?\nOptions:\nA. red\nB. None\nD. a {b}\nPlease select the correct answer from the options "
      "above. \n",
      "Is it?" },
    { "lmms-eval", "letter",
      "Which?\nA. red\nB. None\nD. a {b}\nAnswer with the option's letter from the given choices directly.",
      "Which?\nA. red\nB. None\nD. a {b}\nAnswer with the option's letter from the given choices directly.",
      "Is it?\nAnswer the question using a single word or phrase." },
    { "seedbench", "text", "Question: Which?\nAnswer:", "Question: Which?\nAnswer:", NULL },
    { "mmmu", "letter",
      "Which?\n\n(A) red\n(B) None\n(D) a {b}\n\nAnswer with the option's letter from the given choices directly.",
      "Which?\n\n(A) red\n(B) None\n(D) a {b}\n\nAnswer with the option's letter from the given choices directly.", NULL },
  };
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  g_ptr_array_add (items, (void *) &pope);
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    {
      g_autoptr (UtPrompt) prompt = named (all[i].name);
      g_assert_cmpstr (ut_prompt_name (prompt), ==, all[i].name != NULL ? all[i].name : "paper");
      g_assert_cmpstr (ut_prompt_score (prompt), ==, all[i].score);
      g_assert_true (ut_prompt_shows_letters (prompt) == (g_strcmp0 (all[i].name, "seedbench") != 0));
      assert_closed (prompt, &choice, all[i].choice);
      assert_closed (prompt, &hinted, all[i].hinted);
      g_auto (UtWords) open = ut_prompt_write_open (prompt, &hinted);
      g_assert_cmpstr (open.text, ==, "Question: Which?\nPlease answer the question concisely.");
      g_autoptr (GError) error = NULL;
      g_assert_true (ut_prompt_check_items (prompt, items, &error) == (all[i].yes_no != NULL));
      if (all[i].yes_no != NULL)
        assert_closed (prompt, &pope, all[i].yes_no);
      else
        g_assert_nonnull (strstr (error->message, "p1"));
    }
}

/* --- Templates --------------------------------------------------------------------------------------------------------------------- */

static UtPrompt *
of_text (const char *text, GError **error)
{
  g_autofree char *folder = g_dir_make_tmp ("undertow-XXXXXX", NULL), *path = g_build_filename (folder, "own.txt", NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  UtPrompt *prompt = ut_prompt_new (path, error);
  g_remove (path);
  g_rmdir (folder);
  return prompt;
}

static void
test_template (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtPrompt) prompt
      = of_text ("\xef\xbb\xbf{{Q}} {question}\r\n{hint} - {hint}\r\n({label}) {option}!\r\n\r\nOf {labels}:\r\n\r\n"
                 "[yes/no]\r\n{question} {labels}?\r\n[open]\r\n{hint}\r\n{question}\r\n",
                 &error);
  g_assert_no_error (error);
  assert_closed (prompt, &choice, "{Q} Which?\n(A) red!\n(B) None!\n(D) a {b}!\n\nOf A, B, D:\n");
  assert_closed (prompt, &hinted, "{Q} Which?\nLook. - Look.\n(A) red!\n(B) None!\n(D) a {b}!\n\nOf A, B, D:\n");
  assert_closed (prompt, &pope, "Is it? Yes, No?");
  g_auto (UtWords) open = ut_prompt_write_open (prompt, &hinted), bare = ut_prompt_write_open (prompt, &choice);
  g_assert_cmpstr (open.text, ==, "Look.\nWhich?");
  g_assert_cmpstr (bare.text, ==, "Which?");
  g_assert_cmpstr (ut_prompt_score (prompt), ==, "sum");
  g_assert_true (g_str_has_prefix (ut_prompt_name (prompt), "sha256:"));

  /* Another text is another prompt, whatever its file is called. */
  g_autoptr (UtPrompt) other = of_text ("{question}\n", &error), same = of_text ("{question}\n", &error);
  g_assert_cmpstr (ut_prompt_name (other), ==, ut_prompt_name (same));
  g_assert_cmpstr (ut_prompt_name (other), !=, ut_prompt_name (prompt));
  g_assert_false (ut_prompt_shows_letters (other));
}

static void
test_bad_templates (void)
{
  static const struct {
    const char *text, *words[3];
  } bad[] = {
    { "Q: {qestion}\n", { "own.txt", "line 1", "{question}" } },
    { "{question}\n\n{option\n", { "line 3", "{{" } },
    { "{question}\n}\n", { "line 2", "}}" } },
    { "{question}\n{a{b}\n", { "line 2", "{{" } },
    { "[optoins]\n{question}\n", { "line 1", "[optoins]", "[options]" } },
    { "[open]\n{question}\n[open]\n{question}\n", { "line 3", "second" } },
    { "[yes/no]\nIs it?\n", { "[yes/no]", "{question}" } },
    { "", { "[options]", "{question}" } },
    { "[open]\n{question}\n{label}\n", { "[open]", "{label}" } },
    { "{question}\xff\n", { "own.txt", "UTF-8" } },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (of_text (bad[i].text, &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
      for (size_t w = 0; w < 3 && bad[i].words[w] != NULL; w++)
        if (strstr (error->message, bad[i].words[w]) == NULL)
          g_error ("“%s” does not say “%s”", error->message, bad[i].words[w]);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_prompt_new ("vlmevalkti", &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "'vlmevalkit'"));
}

/* --- Images ------------------------------------------------------------------------------------------------------------------------ */

/* The prompt with "[k]" where its k-th image stands, from 1. */
static char *
shown (const UtWords *words)
{
  GString *text = g_string_new (words->text);
  for (unsigned p = words->n_places; p > 0; p--)
    {
      g_autofree char *image = g_strdup_printf ("[%u]", words->places[p - 1].image + 1);
      g_string_insert (text, (gssize) words->places[p - 1].at, image);
    }
  return g_string_free (text, FALSE);
}

static void
test_places (void)
{
  static const char *const plain[] = { "x", "y" };
  static const struct {
    const char *hint, *question, *options[2];
    unsigned n_images;
    const char *closed, *open; /* their lines up to the options */
  } all[] = {
    /* Named at the beginning, in order, images stand where they do unnamed. */
    { NULL, "Which?", { "x", "y" }, 2, "Question: Which?", "Question: Which?" },
    { NULL, "<image 1> Which?", { "x", "y" }, 1, "Question: Which?", "Question: Which?" },
    { NULL, "<image 1>\n<image 2>Which?", { "x", "y" }, 2, "Question: Which?", "Question: Which?" },
    { NULL, "<image 2> Which?", { "x", "y" }, 2, "Question: Which?", "Question: Which?" },
    { NULL, "<image 2> <image 1> Which?", { "x", "y" }, 2, "[2][1]Question: Which?", "[2][1]Question: Which?" },
    { NULL, "<image 1> Which?", { "x", "y" }, 2, "Question: Which?", "Question: Which?" },
    /* Elsewhere they stand there; those without a name before all. */
    { NULL, "Is <image 1> it?", { "x", "y" }, 1, "Question: Is [1] it?", "Question: Is [1] it?" },
    { NULL, "Is <image 2> or<image 1>", { "x", "y" }, 3, "Question: Is [2] or[1]", "Question: Is [2] or[1]" },
    { NULL, "<image 1> Is <image 2> it?", { "x", "y" }, 2, "Question: Is [2] it?", "Question: Is [2] it?" },
    /* Where there is nothing else. */
    { NULL, "<image 1>", { "x", "y" }, 1, "Question: [1]", "Question: [1]" },
    /* Only the first name is a place. */
    { NULL, "<image 1> In <image 1>?", { "x", "y" }, 1, "Question: In <image 1>?", "Question: In <image 1>?" },
    { "See <image 1>.", "<image 1> Which?", { "x", "y" }, 1, "Hint: See [1].\nQuestion: <image 1> Which?", "Question: Which?" },
    { "See <image 2>.", "<image 1> Which?", { "x", "y" }, 2, "Hint: See [2].\nQuestion: Which?", "Question: Which?" },
    /* Options; without them their images stand before the text. */
    { NULL, "Which?", { "<image 1>", "<image 2>" }, 2, "Question: Which?\nOptions:\nA. [1]\nB. [2]", "Question: Which?" },
    { NULL,
      "<image 1> Which?",
      { "<image 3>", "<image 2> cut" },
      3,
      "Question: Which?\nOptions:\nA. [3]\nB. [2] cut",
      "Question: Which?" },
    /* No image of the question's. */
    { NULL,
      "Is <image 3> or <image 0> or <image> it?",
      { "x", "y" },
      2,
      "Question: Is <image 3> or <image 0> or <image> it?",
      "Question: Is <image 3> or <image 0> or <image> it?" },
  };
  g_autoptr (UtPrompt) prompt = named (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    {
      char *options[] = { TEXT all[i].options[0], TEXT all[i].options[1], NULL };
      const UtItem item = { .question = TEXT all[i].question,
                            .hint = TEXT all[i].hint,
                            .options = options,
                            .labels = letters,
                            .n_options = 2,
                            .n_images = all[i].n_images,
                            .names_images = TRUE };
      g_auto (UtWords) closed = ut_prompt_write_closed (prompt, &item), open = ut_prompt_write_open (prompt, &item);
      g_autofree char *have = shown (&closed), *have_open = shown (&open);
      const gboolean of_options = strcmp (all[i].options[0], plain[0]) != 0;
      g_autofree char *want = g_strconcat (all[i].closed, of_options ? "" : "\nOptions:\nA. x\nB. y",
                                           "\nPlease select the correct answer from the options above.", NULL);
      g_autofree char *want_open = g_strconcat (all[i].open, "\nPlease answer the question concisely.", NULL);
      g_assert_cmpstr (have, ==, want);
      g_assert_cmpstr (have_open, ==, want_open);

      /* In a format that does not name images, the same texts are words. */
      UtItem words = item;
      words.names_images = FALSE;
      g_auto (UtWords) as_words = ut_prompt_write_closed (prompt, &words);
      g_assert_cmpuint (as_words.n_places, ==, 0);
      g_assert_nonnull (strstr (as_words.text, all[i].question));
    }
}

/* Options that are images can be answered only where they and their letters are shown. */
static void
test_image_options (void)
{
  static char *images[] = { TEXT "<image 1>", TEXT "<image 2>", NULL };
  UtItem item = { .id = TEXT "m1",
                  .question = TEXT "Which?",
                  .options = images,
                  .labels = letters,
                  .n_options = 2,
                  .n_images = 2,
                  .names_images = TRUE,
                  .scores_letters = TRUE };
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  g_ptr_array_add (items, &item);
  g_assert_true (ut_item_scored_texts (&item) == (const char *const *) letters);
  g_assert_true (ut_item_scored_texts (&choice) == (const char *const *) three);
  g_autoptr (UtPrompt) mmmu = named ("mmmu"), seedbench = named ("seedbench");
  g_autoptr (GError) error = NULL;
  g_assert_true (ut_prompt_check_items (mmmu, items, &error));
  g_assert_false (ut_prompt_check_items (seedbench, items, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "m1"));
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/prompt/known", test_known);
  g_test_add_func ("/prompt/template", test_template);
  g_test_add_func ("/prompt/bad-templates", test_bad_templates);
  g_test_add_func ("/prompt/places", test_places);
  g_test_add_func ("/prompt/image-options", test_image_options);
  return g_test_run ();
}
