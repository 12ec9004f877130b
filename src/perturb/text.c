#include "perturb/text.h"

#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include <hb-ft.h>
#include <hb.h>
#include <string.h>

#include "base/error.h"

static const char FONT[] = "DejaVu Sans";

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FcConfig, FcConfigDestroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FcPattern, FcPatternDestroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FcObjectSet, FcObjectSetDestroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FcFontSet, FcFontSetDestroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (hb_buffer_t, hb_buffer_destroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (hb_font_t, hb_font_destroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (hb_face_t, hb_face_destroy)
typedef struct FT_LibraryRec_ FtLibrary;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtLibrary, FT_Done_FreeType)
typedef struct FT_FaceRec_ FtFace;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtFace, FT_Done_Face)

/* --- The font. --- */

/* The file of the regular face, or NULL. Listed, not matched: a match answers a missing family with another one, which would put other
 * pixels under the same name. Of several copies, the first by name. */
static char *
find_font_file (void)
{
  /* A configuration of its own, freed here: the library's would stay for the whole run. */
  g_autoptr (FcConfig) config = FcInitLoadConfigAndFonts ();
  g_autoptr (FcPattern) wanted = FcPatternBuild (NULL, FC_FAMILY, FcTypeString, FONT, FC_WEIGHT, FcTypeInteger, FC_WEIGHT_REGULAR, FC_SLANT,
                                                 FcTypeInteger, FC_SLANT_ROMAN, FC_WIDTH, FcTypeInteger, FC_WIDTH_NORMAL, NULL);
  g_autoptr (FcObjectSet) objects = FcObjectSetBuild (FC_FILE, NULL);
  g_autoptr (FcFontSet) found = config == NULL ? NULL : FcFontList (config, wanted, objects);
  const char *first = NULL;
  for (int i = 0; found != NULL && i < found->nfont; i++)
    {
      FcChar8 *file;
      if (FcPatternGetString (found->fonts[i], FC_FILE, 0, &file) == FcResultMatch
          && (first == NULL || strcmp ((const char *) file, first) < 0))
        first = (const char *) file;
    }
  return g_strdup (first);
}

/* Looked up once in a process. */
static const char *
font_file (GError **error)
{
  static GOnce once = G_ONCE_INIT;
  const char *file = g_once (&once, (GThreadFunc) (void (*) (void)) find_font_file, NULL);
  if (file == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
                 "the font %s, in which overlays are written, is not installed (Debian: package fonts-dejavu-core)", FONT);
  return file;
}

/* --- Layout. --- */

static hb_buffer_t *
shape (const char *text, hb_font_t *font)
{
  hb_buffer_t *buffer = hb_buffer_create ();
  hb_buffer_add_utf8 (buffer, text, -1, 0, -1);
  /* Said here, not guessed: the guess depends on the locale. */
  hb_buffer_set_direction (buffer, HB_DIRECTION_LTR);
  hb_buffer_set_script (buffer, HB_SCRIPT_LATIN);
  hb_buffer_set_language (buffer, hb_language_from_string ("en", -1));
  hb_shape (font, buffer, NULL, 0);
  return buffer;
}

int64_t
ut_text_length (const char *text, GError **error)
{
  const char *file = font_file (error);
  if (file == NULL)
    return -1;
  g_autoptr (hb_face_t) face = hb_face_create_from_file_or_fail (file, 0);
  if (face == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: cannot be read as a font", file);
      return -1;
    }
  g_autoptr (hb_font_t) font = hb_font_create (face);
  g_autoptr (hb_buffer_t) buffer = shape (text, font);
  unsigned n;
  const hb_glyph_position_t *positions = hb_buffer_get_glyph_positions (buffer, &n);
  int64_t length = 0;
  for (unsigned i = 0; i < n; i++)
    length += positions[i].x_advance;
  return length;
}

/* --- Rendering. --- */

/* From 26.6 fixed point to the nearest pixel. */
static int
to_pixel (hb_position_t position)
{
  return (position + 32) >> 6;
}

typedef struct {
  int left, top, right, bottom; /* in pixels from the pen's start on the baseline, y downwards */
} Box;

static Box
glyph_box (FT_GlyphSlot glyph, int x, int y)
{
  const int left = x + glyph->bitmap_left, top = y - glyph->bitmap_top;
  return (Box) { left, top, left + (int) glyph->bitmap.width, top + (int) glyph->bitmap.rows };
}

static void
grow (Box *box, Box with)
{
  box->left = MIN (box->left, with.left);
  box->top = MIN (box->top, with.top);
  box->right = MAX (box->right, with.right);
  box->bottom = MAX (box->bottom, with.bottom);
}

/* Where glyphs overlap, neither hides the other: 1 − (1 − a)(1 − b), rounded. */
static uint8_t
unite (uint8_t a, uint8_t b)
{
  const unsigned product = a * (255u - b) + 128;
  return (uint8_t) (b + ((product + (product >> 8)) >> 8));
}

static void
ink (UtText *text, const FT_Bitmap *bitmap, int left, int top)
{
  for (int y = 0; y < (int) bitmap->rows; y++)
    {
      const uint8_t *from = bitmap->buffer + y * bitmap->pitch;
      uint8_t *to = text->coverage + (size_t) (top + y) * (size_t) text->width + (size_t) left;
      for (unsigned x = 0; x < bitmap->width; x++)
        to[x] = unite (to[x], from[x]);
    }
}

/* Walks the pen over the line: with no `text` to find the box, then with one of that size to ink. */
static gboolean
walk (FT_Face face, hb_buffer_t *buffer, Box *box, UtText *text, GError **error)
{
  unsigned n;
  const hb_glyph_info_t *glyphs = hb_buffer_get_glyph_infos (buffer, &n);
  const hb_glyph_position_t *positions = hb_buffer_get_glyph_positions (buffer, &n);
  hb_position_t pen = 0;
  for (unsigned i = 0; i < n; i++)
    {
      const int failed = FT_Load_Glyph (face, glyphs[i].codepoint, FT_LOAD_RENDER);
      if (failed != 0 || (face->glyph->bitmap.rows > 0 && face->glyph->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY))
        {
          g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "FreeType cannot draw glyph %u of %s (error %d)", glyphs[i].codepoint, FONT, failed);
          return FALSE;
        }
      const int x = to_pixel (pen + positions[i].x_offset), y = -to_pixel (positions[i].y_offset);
      const Box at = glyph_box (face->glyph, x, y);
      pen += positions[i].x_advance;
      if (text == NULL)
        {
          grow (box, at);
          grow (box, (Box) { .right = to_pixel (pen) });
        }
      else
        ink (text, &face->glyph->bitmap, at.left - box->left, at.top - box->top);
    }
  return TRUE;
}

UtText *
ut_text_render (const char *line, int size, GError **error)
{
  const char *file = font_file (error);
  if (file == NULL)
    return NULL;
  /* Opened anew each time, which takes less than the drawing: nothing is shared between threads. */
  g_autoptr (FtLibrary) library = NULL;
  g_autoptr (FtFace) face = NULL;
  int failed = FT_Init_FreeType (&library);
  if (failed == 0)
    failed = FT_New_Face (library, file, 0, &face);
  if (failed == 0)
    failed = FT_Set_Pixel_Sizes (face, 0, (FT_UInt) size);
  if (failed != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: FreeType cannot open this font at %d pixels (error %d)", file, size, failed);
      return NULL;
    }
  g_autoptr (hb_font_t) font = hb_ft_font_create_referenced (face);
  g_autoptr (hb_buffer_t) buffer = shape (line, font);

  Box box = { 0, 0, 0, 0 };
  if (!walk (face, buffer, &box, NULL, error))
    return NULL;
  g_autoptr (UtText) text = g_new (UtText, 1);
  *text = (UtText) { .left = box.left, .top = box.top, .width = box.right - box.left, .height = box.bottom - box.top };
  text->coverage = g_new0 (uint8_t, (size_t) text->width * (size_t) text->height);
  return walk (face, buffer, &box, text, error) ? g_steal_pointer (&text) : NULL;
}

void
ut_text_free (UtText *text)
{
  g_free (text->coverage);
  g_free (text);
}
