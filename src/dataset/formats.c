/* The formats: one row and one SQL file each. Detection takes the first whose needed columns a file has. */
#include "dataset/source.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char pope_sql[] = {
#embed "pope.sql"
  , 0
};

static const unsigned char table_sql[] = {
#embed "table.sql"
  , 0
};

static const UtField pope_fields[] = {
  { "question_id", "id", UT_FIELD_TEXT, "question_id" },
  { "image", "images", UT_FIELD_IMAGES, "image" },
  { "text", "question", UT_FIELD_TEXT, "text" },
  { "label", "answer", UT_FIELD_TEXT, "label" },
  { NULL },
};

#define LETTER(letter) { letter, "options", UT_FIELD_TEXT, NULL }

static const UtField table_fields[] = {
  { "question", "question", UT_FIELD_TEXT, "question" },
  { "image", "images", UT_FIELD_IMAGES, "image" },
  { "answer", "answer", UT_FIELD_TEXT, "answer" },
  { "answer_letter", "answer_letter", UT_FIELD_TEXT, "answer" },
  { "answer_index", "answer_index", UT_FIELD_TEXT, "answer" },
  { "answer_text", "answer_text", UT_FIELD_TEXT, "answer" },
  { "options", "options", UT_FIELD_TEXTS, NULL },
  { "id", "id", UT_FIELD_TEXT, NULL },
  { "category", "category", UT_FIELD_TEXT, NULL },
  { "image_id", "image_id", UT_FIELD_TEXT, NULL },
  { "hint", "hint", UT_FIELD_TEXT, NULL },
  LETTER ("A"), LETTER ("B"), LETTER ("C"), LETTER ("D"), LETTER ("E"), LETTER ("F"), LETTER ("G"), LETTER ("H"), LETTER ("I"),
  LETTER ("J"), LETTER ("K"), LETTER ("L"), LETTER ("M"), LETTER ("N"), LETTER ("O"), LETTER ("P"), LETTER ("Q"), LETTER ("R"),
  LETTER ("S"), LETTER ("T"), LETTER ("U"), LETTER ("V"), LETTER ("W"), LETTER ("X"), LETTER ("Y"), LETTER ("Z"),
  { NULL },
};

const UtFormat ut_formats[] = {
  { "pope", "POPE's original files: JSON Lines of question_id, image, text, label", pope_fields, pope_sql },
  { "table", "your own CSV, TSV, JSON or Parquet: question, image, answer, options in columns A, B, … or a list", table_fields, table_sql },
  { "bundled", "rendered scenes: bundled:presence, bundled:perception, bundled:reasoning", NULL, NULL },
  { NULL },
};
