/* How wide a text will be drawn: Vega, without a browser, can only guess. */
#pragma once

typedef struct _UtTextWidth UtTextWidth;

UtTextWidth *ut_text_width_new (void);
void ut_text_width_free (UtTextWidth *measure);

/* In units of `size`. The rest is as in CSS: `family` a list of names, `style` normal or italic, `weight` normal, bold or a number. `text`
 * is UTF-8, in one line. */
double ut_text_width (UtTextWidth *measure, const char *family, double size, const char *style, const char *weight,
                      const char *text);
