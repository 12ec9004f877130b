/* Text of unknown origin. */
#pragma once

/* As it may stand in a line of a terminal: a control character could move the cursor or start an escape sequence, and is a blank
 * instead. `text` is UTF-8. The caller owns the result. */
char *ut_text_without_controls (const char *text);
