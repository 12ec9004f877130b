/* The formats: one row and one SQL file each. Detection takes the first whose needed columns a file has. */
#include <string.h>

#include "dataset/source.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char pope_sql[] = {
#embed "pope.sql"
  , 0
};

static const unsigned char pope_v2_sql[] = {
#embed "pope-v2.sql"
  , 0
};

static const unsigned char pope_hub_sql[] = {
#embed "pope-hub.sql"
  , 0
};

static const unsigned char seedbench_sql[] = {
#embed "seedbench.sql"
  , 0
};

static const unsigned char mmmu_sql[] = {
#embed "mmmu.sql"
  , 0
};

static const unsigned char vlmevalkit_sql[] = {
#embed "vlmevalkit.sql"
  , 0
};

static const unsigned char table_sql[] = {
#embed "table.sql"
  , 0
};

#define NEEDED(name, kind) { name, kind, name }
#define OPTIONAL(name, kind) { name, kind, NULL }
#define TEXT(name) OPTIONAL (name, UT_FIELD_TEXT)
#define NEEDED_TEXT(name) NEEDED (name, UT_FIELD_TEXT)
#define LETTERS \
  TEXT ("A"), TEXT ("B"), TEXT ("C"), TEXT ("D"), TEXT ("E"), TEXT ("F"), TEXT ("G"), TEXT ("H"), TEXT ("I"), TEXT ("J"), TEXT ("K"), \
    TEXT ("L"), TEXT ("M"), TEXT ("N"), TEXT ("O"), TEXT ("P"), TEXT ("Q"), TEXT ("R"), TEXT ("S"), TEXT ("T"), TEXT ("U"), TEXT ("V"), \
    TEXT ("W"), TEXT ("X"), TEXT ("Y"), TEXT ("Z")

static const UtField pope_fields[] = {
  NEEDED_TEXT ("question_id"), NEEDED ("image", UT_FIELD_IMAGES), NEEDED_TEXT ("text"), NEEDED_TEXT ("label"), { NULL },
};

static const UtField pope_v2_fields[] = {
  NEEDED ("image_name", UT_FIELD_IMAGES), NEEDED_TEXT ("target_object"), NEEDED_TEXT ("query"), NEEDED_TEXT ("label"), { NULL },
};

static const UtField pope_hub_fields[] = {
  NEEDED_TEXT ("question_id"),  NEEDED_TEXT ("question"),          NEEDED_TEXT ("answer"),
  NEEDED_TEXT ("image_source"), NEEDED ("image", UT_FIELD_IMAGES), NEEDED_TEXT ("category"),
  { NULL },
};

static const UtField seedbench_fields[] = {
  NEEDED_TEXT ("question_id"),
  NEEDED_TEXT ("question"),
  NEEDED_TEXT ("answer"),
  NEEDED_TEXT ("choice_a"),
  NEEDED_TEXT ("choice_b"),
  TEXT ("choice_c"),
  TEXT ("choice_d"),
  NEEDED_TEXT ("data_id"),
  NEEDED_TEXT ("data_type"),
  NEEDED_TEXT ("question_type_id"),
  TEXT ("question_type"),
  OPTIONAL ("image", UT_FIELD_IMAGES),
  { NULL },
};

static const UtField mmmu_fields[] = {
  NEEDED_TEXT ("id"),
  NEEDED_TEXT ("question"),
  NEEDED_TEXT ("answer"),
  NEEDED ("options", UT_FIELD_TEXTS),
  NEEDED ("image_1", UT_FIELD_IMAGES),
  OPTIONAL ("image_2", UT_FIELD_IMAGES),
  OPTIONAL ("image_3", UT_FIELD_IMAGES),
  OPTIONAL ("image_4", UT_FIELD_IMAGES),
  OPTIONAL ("image_5", UT_FIELD_IMAGES),
  OPTIONAL ("image_6", UT_FIELD_IMAGES),
  OPTIONAL ("image_7", UT_FIELD_IMAGES),
  NEEDED_TEXT ("question_type"),
  TEXT ("subfield"),
  { NULL },
};

static const UtField vlmevalkit_fields[] = {
  NEEDED_TEXT ("index"),
  NEEDED_TEXT ("question"),
  NEEDED_TEXT ("answer"),
  { "image", UT_FIELD_IMAGES, "image" },
  { "image_path", UT_FIELD_IMAGES, "image" },
  TEXT ("hint"),
  TEXT ("category"),
  TEXT ("question_type"),
  LETTERS,
  { NULL },
};

static const UtField table_fields[] = {
  NEEDED_TEXT ("question"),
  NEEDED ("image", UT_FIELD_IMAGES),
  { "answer", UT_FIELD_TEXT, "answer" },
  { "answer_letter", UT_FIELD_TEXT, "answer" },
  { "answer_index", UT_FIELD_TEXT, "answer" },
  { "answer_text", UT_FIELD_TEXT, "answer" },
  OPTIONAL ("options", UT_FIELD_TEXTS),
  TEXT ("id"),
  TEXT ("category"),
  TEXT ("image_id"),
  TEXT ("hint"),
  LETTERS,
  { NULL },
};

/* --- Where images lie beside a file ------------------------------------------------------------------------------------------------ */

static char **
folders_of (char *first, char *second, const char *path)
{
  g_autoptr (GPtrArray) folders = g_ptr_array_new ();
  char *const given[] = { first, second };
  for (size_t i = 0; i < G_N_ELEMENTS (given); i++)
    if (given[i] != NULL)
      g_ptr_array_add (folders, given[i]);
  g_ptr_array_add (folders, g_path_get_dirname (path));
  g_ptr_array_add (folders, NULL);
  return (char **) g_ptr_array_steal (folders, NULL);
}

static char **
beside_the_file (const char *path)
{
  return folders_of (NULL, NULL, path);
}

static char **
seedbench_folders (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  return folders_of (g_build_filename (folder, "SEED-Bench-image", NULL), NULL, path);
}

/* VLMEvalKit unpacks images into $LMUData/images/SET, where SET is the file's name, or for sets in several files (MMMU_DEV_VAL,
 * MMBench_DEV_EN) what stands before its first "_". */
static char **
vlmevalkit_folders (const char *path)
{
  const char *root = g_getenv ("LMUData");
  if (root == NULL || *root == '\0')
    return beside_the_file (path);
  g_autofree char *name = g_path_get_basename (path);
  char *end = g_strrstr (name, ".");
  if (end != NULL)
    *end = '\0';
  if (g_str_has_suffix (name, "_local"))
    name[strlen (name) - strlen ("_local")] = '\0';
  g_autofree char *set = g_strndup (name, strcspn (name, "_"));
  return folders_of (g_build_filename (root, "images", name, NULL), g_build_filename (root, "images", set, NULL), path);
}

const UtFormat ut_formats[] = {
  { "pope", "POPE's original files: JSON Lines of question_id, image, text, label", pope_fields, pope_sql, beside_the_file, FALSE, FALSE },
  { "pope-v2", "POPEv2: a JSON array of image_name, target_object, query, label", pope_v2_fields, pope_v2_sql, beside_the_file, FALSE, FALSE },
  { "pope-hub", "POPE as lmms-eval has it on the Hugging Face hub, Parquet with the images inside", pope_hub_fields, pope_hub_sql,
    beside_the_file, FALSE, FALSE },
  { "seedbench", "SEED-Bench's original JSON with the images in SEED-Bench-image/, or the hub's Parquet", seedbench_fields,
    seedbench_sql, seedbench_folders, FALSE, FALSE },
  { "mmmu", "MMMU's Parquet on the hub, one subject or all: options as a list, image_1 to image_7", mmmu_fields, mmmu_sql,
    beside_the_file, FALSE, TRUE },
  { "vlmevalkit", "VLMEvalKit's TSV: index, question, answer, image or image_path, options in columns A, B, …", vlmevalkit_fields,
    vlmevalkit_sql, vlmevalkit_folders, FALSE, TRUE },
  { "table", "your own CSV, TSV, JSON or Parquet: question, image, answer, options in columns A, B, … or a list", table_fields, table_sql,
    beside_the_file, TRUE, TRUE },
  { "bundled", "rendered scenes: bundled:presence, bundled:perception, bundled:reasoning", NULL, NULL, NULL, FALSE, FALSE },
  { NULL },
};
