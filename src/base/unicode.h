// SPDX-License-Identifier: Apache-2.0
/* What Python's str and re say of code points: words, punctuation, white space, cases. */
#pragma once

#include "base/bytes.h"

/* The code point at the front of `text` (size > 0), and its bytes. What is no UTF-8 is one byte
 * that stands for itself and beyond Unicode: 0x110000 + byte. */
uint32_t unicode_first(struct bytes text, size_t *size);
size_t unicode_write(uint32_t code, uint8_t out[4]); /* bytes written, 1 to 4 */

bool unicode_is_word(uint32_t code);        /* \w: letters, digits, underscore */
bool unicode_is_decimal(uint32_t code);     /* \d */
bool unicode_is_space(uint32_t code);       /* \s */
bool unicode_is_punctuation(uint32_t code); /* general category P */
/* The first letter of the general category: L letter, M mark, N number, P punctuation, S symbol,
 * Z separator, C other. */
char unicode_category(uint32_t code);

bool unicode_is_hidden(uint32_t code); /* controls, formats and private ones: Cc, Cf, Co */
/* What is left when it is taken apart (NFD) and loses marks that take no room (Mn): how many, 0 to
 * 3. */
size_t unicode_base(uint32_t code, uint32_t parts[3]);

/* The same taken further apart (NFKD) and without combining characters, as UTF-8: bytes written. Of
 * a code point's own bytes never more than UNICODE_PLAIN_GROWTH times as many. */
enum { UNICODE_PLAIN_MAX = 40, UNICODE_PLAIN_GROWTH = 11 };
size_t unicode_plain(uint32_t code, uint8_t out[UNICODE_PLAIN_MAX]);

/* The other case of one code point; UNICODE_SEVERAL where that is several code points or depends
 * on its neighbours. */
enum { UNICODE_SEVERAL = 0x7FFFFFFF };
uint32_t unicode_lower(uint32_t code);
uint32_t unicode_upper(uint32_t code);

/* Its script by the number that ICU gives it (Unicode 13): 0 common, 1 inherited, 25 Latin ...;
 * UNKNOWN where nothing is assigned, NO_SCRIPT beyond Unicode. */
enum { UNICODE_NO_SCRIPT = -1, UNICODE_UNKNOWN_SCRIPT = 103 };
int unicode_script(uint32_t code);
