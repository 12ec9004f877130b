/* hub: names, listings, what is chosen, and the cache's folders. What goes over the network is tested in test-fetch.py. */
#include "base/error.h"
#include "hub/cache.h"
#include "hub/choose.h"
#include "hub/gguf-name.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
check_name (const char *typed, const char *repo, const char *quant)
{
  g_auto (UtHubName) name = {};
  g_autoptr (GError) error = NULL;
  g_assert_true (ut_hub_name_parse (typed, &name, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (name.repo, ==, repo);
  g_assert_cmpstr (name.quant, ==, quant);
}

static void
test_name (void)
{
  check_name ("user/repo", "user/repo", NULL);
  check_name ("ggml-org/Qwen3-VL-2B-Instruct-GGUF:Q8_0", "ggml-org/Qwen3-VL-2B-Instruct-GGUF", "Q8_0");
  check_name ("u_1/_v1.5:UD-Q4_K_XL", "u_1/_v1.5", "UD-Q4_K_XL");

  g_autofree char *long_name = g_strnfill (300, 'a'), *too_long = g_strconcat ("u/", long_name, NULL);
  const char *const bad[]
      = { "",        "repo",           "user/",     "/repo",     "a/b/c",         "user/repo:",  "user/repo:a:b",    "../repo",
          "user/..", "user//re",       "user/a--b", "user/a..b", "user/-a",       "user/a.",     "user/re po",       "user/répo",
          "a\\b/c",  "user/repo:Q8 0", "user/r?x",  "user/r#x",  "user/repo:a/b", "user/re\npo", "http://user/repo", too_long };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      UtHubName name = {};
      g_autoptr (GError) error = NULL;
      g_assert_false (ut_hub_name_parse (bad[i], &name, &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
      g_assert_nonnull (strstr (error->message, "user/repo:quant"));
    }
}

static void
check_gguf (const char *path, const char *stem, const char *quant, unsigned part, unsigned n_parts, unsigned bits)
{
  g_auto (UtGgufName) name = {};
  g_assert_true (ut_gguf_name_parse (path, &name));
  g_assert_cmpstr (name.stem, ==, stem);
  g_assert_cmpstr (name.quant, ==, quant);
  g_assert_cmpuint (name.part, ==, part);
  g_assert_cmpuint (name.n_parts, ==, n_parts);
  g_assert_cmpuint (ut_gguf_name_bits (name.quant), ==, bits);
}

static void
test_gguf_name (void)
{
  UtGgufName none;
  g_assert_false (ut_gguf_name_parse ("model.safetensors", &none));
  check_gguf ("a/model-Q4_K_M.gguf", "a/model-Q4_K_M", "Q4_K_M", 1, 1, 4);
  check_gguf ("model.iq3_xs.gguf", "model.iq3_xs", "IQ3_XS", 1, 1, 3);
  check_gguf ("Q8_0/m-BF16-00002-of-00003.gguf", "Q8_0/m-BF16", "BF16", 2, 3, 16);
  check_gguf ("model.gguf", "model", NULL, 1, 1, 0);
  check_gguf ("m-99999999999999999999.gguf", "m-99999999999999999999", "99999999999999999999", 1, 1, 9999);
  check_gguf ("-.gguf", "-", NULL, 1, 1, 0);
  /* No part of a whole. */
  check_gguf ("m-00004-of-00003.gguf", "m-00004-of-00003", "00003", 1, 1, 3);
  check_gguf ("m-00000-of-00000.gguf", "m-00000-of-00000", "00000", 1, 1, 0);
  check_gguf ("-00001-of-00002.gguf", "-00001-of-00002", "00002", 1, 1, 2);

  g_autoptr (GPtrArray) parts = ut_gguf_name_parts ("/x/m-Q8_0-00001-of-00003.gguf");
  g_assert_cmpuint (parts->len, ==, 3);
  g_assert_cmpstr (parts->pdata[0], ==, "/x/m-Q8_0-00001-of-00003.gguf");
  g_assert_cmpstr (parts->pdata[2], ==, "/x/m-Q8_0-00003-of-00003.gguf");
  g_autoptr (GPtrArray) whole = ut_gguf_name_parts ("/x/m.gguf");
  g_assert_cmpuint (whole->len, ==, 1);
  g_assert_cmpstr (whole->pdata[0], ==, "/x/m.gguf");
}

/* ── listings ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
test_safe_paths (void)
{
  g_autofree char *long_name = g_strnfill (256, 'a'), *longest_name = g_strnfill (255, 'a'), *deep = g_strnfill (1100, 'a');
  for (size_t i = 1; i < 1100; i += 2)
    deep[i] = '/';
  const char *const good[] = { "a", "a.gguf", "a/b/c", "…/ü.gguf", "..a", "a b", longest_name };
  const char *const bad[] = { "",       "/",   "/a",    "a/",   "a//b",     ".",    "..",    "../a",    "a/..",
                              "a/../b", "./a", "a/./b", "a\nb", "a\033[2J", "\xff", "a\177", long_name, deep };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (ut_hub_path_is_safe (good[i], strlen (good[i])));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (ut_hub_path_is_safe (bad[i], strlen (bad[i])));
  g_assert_false (ut_hub_path_is_safe ("a\0b", 3));
}

#define COMMIT "0123456789abcdef0123456789ABCDEF01234567"
#define OTHER "1111111111111111111111111111111111111111"

static void
check_refs (const char *json, const char *branch, const char *commit)
{
  g_autofree char *found_branch = NULL, *found_commit = NULL;
  g_autoptr (GError) error = NULL;
  const gboolean ok = ut_hub_parse_refs (json, strlen (json), &found_branch, &found_commit, &error);
  g_assert_cmpint (ok, ==, branch != NULL);
  g_assert_cmpint (error == NULL, ==, branch != NULL);
  g_assert_cmpstr (found_branch, ==, branch);
  g_assert_cmpstr (found_commit, ==, commit);
}

static void
test_refs (void)
{
  check_refs ("{\"branches\":[{\"name\":\"dev\",\"targetCommit\":\"" OTHER "\"},{\"name\":\"main\",\"targetCommit\":\"" COMMIT
              "\"}]}",
              "main", COMMIT);
  check_refs ("{\"branches\":[{\"name\":\"a/b\",\"targetCommit\":\"" OTHER "\"},{\"name\":\"c\",\"targetCommit\":\"" COMMIT
              "\"}]}",
              "a/b", OTHER);
  check_refs ("{\"branches\":[{\"name\":\"../../x\",\"targetCommit\":\"" OTHER "\"}]}", NULL, NULL);
  check_refs ("{\"branches\":[{\"name\":\"main\",\"targetCommit\":\"../../../../../../../../../../../../../x/yz\"}]}", NULL,
              NULL);
  check_refs ("{\"branches\":[{\"name\":\"main\"},7,{\"name\":7,\"targetCommit\":\"" OTHER "\"}]}", NULL, NULL);
  check_refs ("{\"branches\":{}}", NULL, NULL);
  check_refs ("[]", NULL, NULL);
  check_refs ("{\"branches\":", NULL, NULL);
  check_refs ("", NULL, NULL);
}

#define SHA256 "ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
test_tree (void)
{
  const char *json
      = "[{\"type\":\"directory\",\"path\":\"d\",\"oid\":\"" OTHER "\"},"
        "{\"type\":\"file\",\"path\":\"d/a.gguf\",\"size\":7,\"oid\":\"" OTHER "\",\"lfs\":{\"oid\":\"" SHA256 "\",\"size\":7}},"
        "{\"type\":\"file\",\"path\":\"b.gguf\",\"size\":5,\"oid\":\"" COMMIT "\"},"
        "{\"type\":\"file\",\"path\":\"c.gguf\"},"
        "{\"type\":\"file\",\"path\":\"d.gguf\",\"size\":-3,\"oid\":\"" COMMIT "\"},"
        "{\"type\":\"file\",\"path\":\"e.gguf\",\"size\":18446744073709551615},"
        "{\"type\":\"file\",\"path\":\"../x.gguf\",\"size\":5},"
        "{\"type\":\"file\",\"path\":\"/x.gguf\",\"size\":5},"
        "{\"type\":\"file\",\"path\":\"x\\u0000.gguf\",\"size\":5},"
        "{\"type\":\"file\",\"path\":\"x.gguf\",\"lfs\":{\"oid\":\"../../../../etc/passwd\"}},"
        "{\"type\":\"file\",\"path\":\"x.gguf\",\"oid\":\"" SHA256 "\"},"
        "{\"type\":\"file\"},7,null]";
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_hub_file_free);
  g_autoptr (GError) error = NULL;
  g_assert_true (ut_hub_parse_tree (json, strlen (json), files, &error));
  g_assert_no_error (error);
  g_autofree char *sha256 = g_ascii_strdown (SHA256, -1), *git = g_ascii_strdown (COMMIT, -1);
  const UtHubFile expected[] = { { (char *) "d/a.gguf", 7, sha256 },
                                 { (char *) "b.gguf", 5, git },
                                 { (char *) "c.gguf", -1, NULL },
                                 { (char *) "d.gguf", -1, NULL }, /* git hashes the size too */
                                 { (char *) "e.gguf", -1, NULL } };
  g_assert_cmpuint (files->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < files->len; i++)
    {
      const UtHubFile *file = files->pdata[i];
      g_assert_cmpstr (file->path, ==, expected[i].path);
      g_assert_cmpint (file->size, ==, expected[i].size);
      g_assert_cmpstr (file->hash, ==, expected[i].hash);
    }
  const char *const bad[] = { "", "{}", "[", "<html>" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) fault = NULL;
      g_assert_false (ut_hub_parse_tree (bad[i], strlen (bad[i]), files, &fault));
      g_assert_error (fault, UT_ERROR, UT_ERROR_FAILED);
    }
}

/* ── choosing ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static GPtrArray *
make_files (const char *paths)
{
  g_auto (GStrv) each = g_strsplit (paths, " ", -1);
  GPtrArray *files = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_hub_file_free);
  for (char **path = each; *path != NULL; path++)
    g_ptr_array_add (files, ut_hub_file_new (*path, 1, NULL));
  return files;
}

/* `model` is all parts, blanks between them; `mmproj` is NULL where none is wanted. */
static void
check_choice (const char *paths, const char *typed, const char *model, const char *mmproj)
{
  g_autoptr (GPtrArray) files = make_files (paths);
  g_auto (UtHubName) name = {};
  g_auto (UtHubChoice) choice = {};
  g_autoptr (GError) error = NULL;
  g_assert_true (ut_hub_name_parse (typed, &name, &error));
  g_assert_true (ut_hub_choose (files, &name, mmproj != NULL, "there", &choice, &error));
  g_assert_no_error (error);
  g_autoptr (GString) parts = g_string_new (NULL);
  for (guint i = 0; i < choice.model->len; i++)
    g_string_append_printf (parts, "%s%s", i > 0 ? " " : "", ((UtHubFile *) choice.model->pdata[i])->path);
  g_assert_cmpstr (parts->str, ==, model);
  g_assert_cmpstr (choice.mmproj != NULL ? choice.mmproj->path : NULL, ==, mmproj);
}

static void
check_no_choice (const char *paths, const char *typed, const char *words)
{
  g_autoptr (GPtrArray) files = make_files (paths);
  g_auto (UtHubName) name = {};
  g_auto (UtHubChoice) choice = {};
  g_autoptr (GError) error = NULL;
  g_assert_true (ut_hub_name_parse (typed, &name, NULL));
  g_assert_false (ut_hub_choose (files, &name, TRUE, "there", &choice, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  if (strstr (error->message, words) == NULL)
    g_error ("“%s” does not say “%s”", error->message, words);
}

static void
test_choose_model (void)
{
  const char *many = "README.md mmproj-m-F16.gguf m-BF16.gguf m-F16.gguf m-Q4_K_M.gguf m-Q4_K_S.gguf m-Q8_0.gguf mtp-m-Q2_K.gguf "
                     "imatrix-Q2_K.gguf";
  check_choice (many, "u/r", "m-Q4_K_M.gguf", NULL);
  check_choice (many, "u/r:q4_k_s", "m-Q4_K_S.gguf", NULL);
  check_choice (many, "u/r:Q8_0", "m-Q8_0.gguf", NULL);
  check_choice (many, "u/r:F16", "m-F16.gguf", NULL);
  check_choice ("m-BF16.gguf m-Q8_0.gguf", "u/r:F16", "m-BF16.gguf", NULL); /* as llama.cpp, where there is no better */
  check_choice ("m-F16.gguf m-Q8_0.gguf", "u/r", "m-Q8_0.gguf", NULL);
  check_choice ("mmproj-Q8_0.gguf b-Q6_K.gguf a-Q5_K.gguf", "u/r", "b-Q6_K.gguf", NULL);
  check_choice ("m-UD-Q4_K_XL.gguf m.q8_0.gguf", "u/r:UD-Q4_K_XL", "m-UD-Q4_K_XL.gguf", NULL);
  check_choice ("m-UD-Q4_K_XL.gguf m.q8_0.gguf", "u/r:Q8_0", "m.q8_0.gguf", NULL);
  check_choice ("x-Q8_0/m-Q4_0.gguf x-Q8_0/m-Q8_0.gguf", "u/r:Q4_0", "x-Q8_0/m-Q4_0.gguf", NULL);

  check_no_choice (many, "u/r:Q2_K", "u/r has no Q2_K there; it has BF16, F16, Q4_K_M, Q4_K_S, Q8_0");
  check_no_choice ("README.md model.safetensors", "u/r", "no model in GGUF format");
  check_no_choice ("README.md model.safetensors", "u/r:Q8_0", "no model in GGUF format");
  check_no_choice ("model.gguf other.gguf", "u/r:Q8_0", "it has model.gguf, other.gguf");
  check_no_choice ("mmproj-Q8_0.gguf", "u/r", "no model in GGUF format");
}

static void
test_choose_parts (void)
{
  const char *split = "mmproj-F16.gguf Q3/m-Q3_K-00001-of-00002.gguf Q3/m-Q3_K-00002-of-00002.gguf Q8/m-Q8_0-00001-of-00003.gguf "
                      "Q8/m-Q8_0-00003-of-00003.gguf Q8/m-Q8_0-00002-of-00003.gguf";
  check_choice (split, "u/r:Q3_K", "Q3/m-Q3_K-00001-of-00002.gguf Q3/m-Q3_K-00002-of-00002.gguf", "mmproj-F16.gguf");
  check_choice (split, "u/r", "Q8/m-Q8_0-00001-of-00003.gguf Q8/m-Q8_0-00002-of-00003.gguf Q8/m-Q8_0-00003-of-00003.gguf",
                "mmproj-F16.gguf");
  check_no_choice ("m-Q8_0-00001-of-00003.gguf m-Q8_0-00003-of-00003.gguf mmproj.gguf", "u/r",
                   "m-Q8_0-00002-of-00003.gguf there, part 2 of 3");
  check_no_choice ("m-Q8_0-00002-of-00002.gguf mmproj.gguf", "u/r", "no model in GGUF format");
  check_no_choice ("m-Q8_0-00001-of-99999.gguf mmproj.gguf", "u/r", "part 2 of 99999");
}

static void
test_choose_mmproj (void)
{
  check_choice ("mmproj-BF16.gguf mmproj-F32.gguf mmproj-Q8_0.gguf m-Q4_K_M.gguf", "u/r", "m-Q4_K_M.gguf", "mmproj-Q8_0.gguf");
  check_choice ("mmproj-BF16.gguf mmproj-F32.gguf mmproj-Q8_0.gguf m-F16.gguf", "u/r", "m-F16.gguf", "mmproj-BF16.gguf");
  check_choice ("a/mmproj-F16.gguf a/m-Q8_0.gguf mmproj-Q8_0.gguf", "u/r", "a/m-Q8_0.gguf", "a/mmproj-F16.gguf");
  check_choice ("a/b/m-Q8_0.gguf a/c/mmproj-Q8_0.gguf mmproj-F16.gguf", "u/r", "a/b/m-Q8_0.gguf", "mmproj-F16.gguf");
  check_choice ("m-Q8_0.gguf m-mmproj.gguf", "u/r", "m-Q8_0.gguf", "m-mmproj.gguf");
  check_no_choice ("m-Q8_0.gguf a/mmproj-F16.gguf", "u/r", "--mmproj");
  check_no_choice ("a/m-Q8_0.gguf ab/mmproj-F16.gguf", "u/r", "u/r has no mmproj there");
  check_no_choice ("m-Q8_0.gguf mmproj-F16.safetensors", "u/r", "no mmproj");
}

/* ── the cache ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
test_cache_folder (void)
{
  static const char *const variables[]
      = { "LLAMA_CACHE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME" };
  static const char *const folders[] = { "/c0", "/c1", "/c2", "/c3/hub", "/c4/huggingface/hub", "/c5/.cache/huggingface/hub" };
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (variables); i++)
    {
      g_autofree char *value = g_strdup_printf ("/c%zu", i);
      g_setenv (variables[i], value, TRUE);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (variables); i++)
    {
      g_autofree char *folder = ut_hub_cache_folder ("user/re.po"),
                      *expected = g_strconcat (folders[i], "/models--user--re.po", NULL);
      g_assert_cmpstr (folder, ==, expected);
      g_setenv (variables[i], "", TRUE); /* as good as unset */
    }
}

static void
write_file (const char *path, const char *text)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
check_content (const char *path, const char *text)
{
  g_autofree char *found = NULL;
  g_assert_true (g_file_get_contents (path, &found, NULL, NULL));
  g_assert_cmpstr (found, ==, text);
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *below = g_build_filename (path, name, NULL);
      remove_all (below);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
test_cache_links (void)
{
  g_autofree char *folder = g_dir_make_tmp ("undertow-XXXXXX", NULL), *outside = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  const char *commit = OTHER;
  g_autoptr (UtHubFile) deep = ut_hub_file_new ("a/b/m.gguf", 4, SHA256);
  g_autofree char *path = ut_hub_cache_path (folder, commit, deep), *blob = ut_hub_cache_blob (folder, commit, deep);
  g_autoptr (GError) error = NULL;

  g_assert_false (ut_hub_cache_has (folder, commit, deep));
  write_file (blob, "abcd");
  g_assert_true (ut_hub_cache_link (folder, commit, deep, &error));
  g_assert_no_error (error);
  g_assert_true (ut_hub_cache_has (folder, commit, deep));
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_SYMLINK));
  check_content (path, "abcd");
  g_assert_true (ut_hub_cache_link (folder, commit, deep, &error)); /* again, as another process would */

  /* A link to elsewhere is replaced, and what it leads to stays as it is. */
  g_autofree char *victim = g_build_filename (outside, "victim", NULL);
  write_file (victim, "stays");
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (symlink (victim, path), ==, 0);
  g_assert_false (ut_hub_cache_has (folder, commit, deep));
  g_assert_true (ut_hub_cache_link (folder, commit, deep, &error));
  check_content (path, "abcd");
  check_content (victim, "stays");

  /* Without a hash the file lies where it is found. */
  g_autoptr (UtHubFile) bare = ut_hub_file_new ("n.gguf", -1, NULL);
  g_autofree char *found = ut_hub_cache_path (folder, commit, bare), *lies = ut_hub_cache_blob (folder, commit, bare);
  g_assert_cmpstr (found, ==, lies);
  remove_all (folder);
  remove_all (outside);
}

static void
test_cache_list (void)
{
  g_autofree char *folder = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  g_autofree char *commit = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_hub_cache_list (folder, &commit));
  g_autofree char *snapshot = g_build_filename (folder, "snapshots", OTHER, NULL);
  const char *const paths[] = { "m-Q8_0.gguf", "b/c.gguf", "b/a.gguf" };
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *path = g_build_filename (snapshot, paths[i], NULL);
      write_file (path, paths[i]);
    }
  g_autofree char *dangling = g_build_filename (snapshot, "gone.gguf", NULL),
                  *circle = g_build_filename (snapshot, "b", "circle", NULL);
  g_assert_cmpint (symlink ("../../blobs/none", dangling), ==, 0);
  g_assert_cmpint (symlink ("..", circle), ==, 0);
  g_assert_null (ut_hub_cache_list (folder, &commit)); /* of which no branch is known */

  g_assert_true (ut_hub_cache_set_branch (folder, "dev", OTHER, &error));
  g_autoptr (GPtrArray) files = ut_hub_cache_list (folder, &commit);
  g_assert_cmpstr (commit, ==, OTHER);
  const char *const sorted[] = { "b/a.gguf", "b/c.gguf", "m-Q8_0.gguf" };
  g_assert_cmpuint (files->len, ==, 3);
  for (guint i = 0; i < files->len; i++)
    {
      g_assert_cmpstr (((UtHubFile *) files->pdata[i])->path, ==, sorted[i]);
      g_assert_cmpint (((UtHubFile *) files->pdata[i])->size, ==, (gint64) strlen (sorted[i]));
    }

  /* The main branch goes first, and what is no commit counts for nothing. */
  g_assert_true (ut_hub_cache_set_branch (folder, "main", "../../../../../../../../../../etc/passwd", &error));
  g_autofree char *again = NULL;
  g_autoptr (GPtrArray) same = ut_hub_cache_list (folder, &again);
  g_assert_cmpstr (again, ==, OTHER);
  g_assert_true (ut_hub_cache_set_branch (folder, "main", COMMIT, &error));
  g_assert_null (ut_hub_cache_list (folder, &again));
  remove_all (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hub/name", test_name);
  g_test_add_func ("/hub/gguf-name", test_gguf_name);
  g_test_add_func ("/hub/listing/safe-paths", test_safe_paths);
  g_test_add_func ("/hub/listing/refs", test_refs);
  g_test_add_func ("/hub/listing/tree", test_tree);
  g_test_add_func ("/hub/choose/model", test_choose_model);
  g_test_add_func ("/hub/choose/parts", test_choose_parts);
  g_test_add_func ("/hub/choose/mmproj", test_choose_mmproj);
  g_test_add_func ("/hub/cache/folder", test_cache_folder);
  g_test_add_func ("/hub/cache/links", test_cache_links);
  g_test_add_func ("/hub/cache/list", test_cache_list);
  return g_test_run ();
}
