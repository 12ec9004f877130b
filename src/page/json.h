/* JSON as the page's data are written: appended to a text piece by piece. */
#pragma once
#include <glib.h>

/* A string, or null. `text` is UTF-8. */
void ut_json_append_string (GString *json, const char *text);

/* A number with at most six digits; null where it is no finite number. */
void ut_json_append_number (GString *json, double value);

/* The key of what comes next in an object. */
void ut_json_append_key (GString *json, const char *key);

/* The comma between elements: none after an opening bracket. */
void ut_json_append_comma (GString *json);

/* An array of texts, NULL-terminated. */
void ut_json_append_strings (GString *json, const char *const *texts);

/* Bytes in base64, as a string. */
void ut_json_append_bytes (GString *json, const void *bytes, size_t n_bytes);
