/* What can be asked of a scene, and in which words: the vocabulary is small and closed, as the bundled models learn it from nothing. */
#include <string.h>

#include "base/rng.h"
#include "scenes/questions.h"

const UtSceneTask ut_scene_tasks[] = {
  { "presence", "is it there? as POPE asks", { { "random", 6 }, { "popular", 6 }, { "adversarial", 6 } } },
  { "perception",
    "what is it like? four options, as SEED-Bench asks",
    { { "colour", 1 }, { "shape", 1 }, { "count", 1 }, { "size", 1 }, { "position", 1 }, { "relation", 1 }, { "texture", 1 } } },
  { "reasoning",
    "two or more steps, four options, one or two images, as MMMU asks",
    { { "compare", 2 }, { "left", 2 }, { "pair", 2 } } },
  { NULL, NULL, { { NULL, 0 } } },
};

constexpr unsigned N_EACH = 3;       /* yes and no questions of an image and category */
constexpr unsigned POPULAR_POOL = 8; /* popular negatives come from so many of the most frequent absent kinds */
constexpr unsigned N_OPTIONS = 4;

/* A scene being asked questions of one category. */
typedef struct {
  const UtScene *scene, *partner; /* partner NULL where the category is about one image */
  const char *category;
  GPtrArray *questions; /* UtSceneQuestion *, so far */
  UtRng rng;
} Asking;

void
ut_scene_question_free (UtSceneQuestion *question)
{
  if (question == NULL)
    return;
  g_free (question->question);
  g_strfreev (question->options);
  g_free (question);
}

/* --- Words --------------------------------------------------------------------------------------------------------------------------- */

/* "striped object", "red circle", "objects". */
static char *
name_of (UtSceneWhich which, gboolean plural)
{
  GString *name = g_string_new (NULL);
  if (which.texture >= 0)
    g_string_append_printf (name, "%s ", ut_scene_textures[which.texture]);
  if (which.colour >= 0)
    g_string_append_printf (name, "%s ", ut_scene_colours[which.colour]);
  g_string_append (name, which.shape >= 0 ? ut_scene_shapes[which.shape] : "object");
  if (plural)
    g_string_append (name, name->str[name->len - 1] == 's' ? "es" : "s");
  return g_string_free_and_steal (name);
}

static const char *
article (const char *name)
{
  return strchr ("aeiou", name[0]) != NULL ? "an" : "a";
}

static char *
question_of_one (const UtSceneFact *fact)
{
  g_autofree char *name = name_of (fact->which[0], FALSE), *second = name_of (fact->which[1], FALSE);
  switch (fact->form)
    {
    case UT_SCENE_PRESENT:
      return g_strdup_printf ("Is there %s %s in the image?", article (name), name);
    case UT_SCENE_WHAT:
      if (fact->attribute == UT_SCENE_TEXTURE)
        return g_strdup_printf ("What pattern does the %s have?", name);
      return g_strdup_printf ("What %s is the %s?", ut_scene_values[fact->attribute].word, name);
    case UT_SCENE_POSITION:
      return g_strdup_printf ("Where in the image is the %s?", name);
    case UT_SCENE_RELATION:
      return g_strdup_printf ("Where is the %s relative to the %s?", name, second);
    case UT_SCENE_IN_WHICH:
      return g_strdup_printf ("Which image shows %s %s?", article (name), name);
    default:
      return NULL;
    }
}

static char *
question_of_many (const UtSceneFact *fact)
{
  g_autofree char *names = name_of (fact->which[0], TRUE), *second = name_of (fact->which[1], TRUE);
  switch (fact->form)
    {
    case UT_SCENE_COUNT:
      return g_strdup_printf ("How many %s are there in the image?", names);
    case UT_SCENE_MORE:
      return g_strdup_printf ("Are there more %s or %s?", names, second);
    case UT_SCENE_LEFT:
      return g_strdup_printf ("If all %s were taken away, how many objects would be left?", names);
    case UT_SCENE_TOGETHER:
      return g_strdup_printf ("How many %s are there in both images together?", names);
    default:
      return NULL;
    }
}

static char *
question_of_all (const UtSceneFact *fact)
{
  const char *word = ut_scene_values[fact->attribute].word;
  switch (fact->form)
    {
    case UT_SCENE_LARGEST:
      return g_strdup ("Which object is the largest?");
    case UT_SCENE_SMALLEST:
      return g_strdup ("Which object is the smallest?");
    case UT_SCENE_MOST:
      return g_strdup_printf ("Which %s is the most frequent?", word);
    case UT_SCENE_IN_COMMON:
      return g_strdup_printf ("Which %s is in both images?", word);
    default:
      return NULL;
    }
}

static char *
question_text (const UtSceneFact *fact)
{
  char *text = question_of_one (fact);
  if (text == NULL)
    text = question_of_many (fact);
  return text != NULL ? text : question_of_all (fact);
}

static char *
value_text (UtSceneAttribute attribute, unsigned value)
{
  return attribute == UT_SCENE_N_ATTRIBUTES ? name_of (ut_scene_with_kind (value), FALSE)
                                            : g_strdup (ut_scene_values[attribute].names[value]);
}

/* The answers of a comparison beyond the two named and "equally many" are values that were not named, from 3 on. */
static char *
more_text (const UtSceneFact *fact, unsigned answer)
{
  if (answer == 2)
    return g_strdup ("equally many");
  return name_of (answer < 2 ? fact->which[answer] : ut_scene_with_value (fact->attribute, answer - 3), TRUE);
}

static char *
answer_text (const UtSceneFact *fact, unsigned answer)
{
  static const char *const yes_no[] = { "Yes", "No" };
  static const char *const positions[] = { "top left", "top right", "bottom left", "bottom right" };
  static const char *const directions[] = { "above", "below", "left", "right" };
  static const char *const images[] = { "the first", "the second", "both", "neither" };
  switch (fact->form)
    {
    case UT_SCENE_PRESENT:
      return g_strdup (yes_no[answer]);
    case UT_SCENE_POSITION:
      return g_strdup (positions[answer]);
    case UT_SCENE_RELATION:
      return g_strdup (directions[answer]);
    case UT_SCENE_IN_WHICH:
      return g_strdup (images[answer]);
    case UT_SCENE_WHAT:
    case UT_SCENE_MOST:
    case UT_SCENE_IN_COMMON:
      return value_text (fact->attribute, answer);
    case UT_SCENE_LARGEST:
    case UT_SCENE_SMALLEST:
      return value_text (UT_SCENE_N_ATTRIBUTES, answer);
    case UT_SCENE_MORE:
      return more_text (fact, answer);
    default:
      return g_strdup_printf ("%u", answer);
    }
}

/* --- Options ------------------------------------------------------------------------------------------------------------------------- */

static unsigned
n_values (UtSceneAttribute attribute)
{
  return attribute == UT_SCENE_N_ATTRIBUTES ? UT_SCENE_KINDS : ut_scene_values[attribute].n;
}

/* The answers a form's options are taken from: first to last. Numbers are always the same four, each of which scenes give often enough
 * for none to stand out. */
static void
answer_range (const UtSceneFact *fact, unsigned *out_first, unsigned *out_last)
{
  *out_first = 0;
  switch (fact->form)
    {
    case UT_SCENE_PRESENT:
      *out_last = 1;
      return;
    case UT_SCENE_COUNT:
    case UT_SCENE_LEFT:
    case UT_SCENE_TOGETHER:
      *out_last = fact->attribute == UT_SCENE_N_ATTRIBUTES ? UT_SCENE_MAX_OBJECTS : 4;
      *out_first = *out_last + 1 - N_OPTIONS;
      return;
    case UT_SCENE_MORE:
      *out_last = 2 + n_values (fact->attribute);
      return;
    case UT_SCENE_LARGEST:
    case UT_SCENE_SMALLEST:
      *out_last = UT_SCENE_KINDS - 1;
      return;
    case UT_SCENE_WHAT:
    case UT_SCENE_MOST:
    case UT_SCENE_IN_COMMON:
      *out_last = n_values (fact->attribute) - 1;
      return;
    default:
      *out_last = 3;
    }
}

static int
plausible_kind (const UtScene *scene, unsigned kind)
{
  const UtSceneWhich which = ut_scene_with_kind (kind);
  if (ut_scene_find (scene, which) >= 0)
    return 2;
  return ut_scene_find (scene, (UtSceneWhich) { which.colour, -1, -1 }) >= 0
         && ut_scene_find (scene, (UtSceneWhich) { -1, which.shape, -1 }) >= 0;
}

/* How much a wrong answer looks like a right one: what is there before what is not. -1 where it cannot be an option. */
static int
plausibility (const UtSceneFact *fact, const UtScene *scene, const UtScene *second, unsigned answer)
{
  UtSceneAttribute attribute = fact->attribute;
  if (fact->form == UT_SCENE_MORE)
    {
      if (answer < 3)
        return 1;
      const UtSceneWhich which = ut_scene_with_value (attribute, answer - 3);
      return memcmp (&which, &fact->which[0], sizeof which) == 0 || memcmp (&which, &fact->which[1], sizeof which) == 0 ? -1 : 0;
    }
  if (fact->form == UT_SCENE_LARGEST || fact->form == UT_SCENE_SMALLEST)
    attribute = UT_SCENE_N_ATTRIBUTES;
  else if (fact->form != UT_SCENE_MOST && fact->form != UT_SCENE_IN_COMMON)
    return 0;
  if (attribute == UT_SCENE_N_ATTRIBUTES)
    return plausible_kind (scene, answer);
  const UtSceneWhich which = ut_scene_with_value (attribute, answer);
  return ut_scene_find (scene, which) >= 0 || (second != NULL && ut_scene_find (second, which) >= 0);
}

/* Shuffles the first `n_first` places (Fisher and Yates). */
static void
shuffle (unsigned *values, unsigned n, unsigned n_first, UtRng *rng)
{
  for (unsigned i = 0; i < MIN (n_first, n); i++)
    {
      const unsigned j = i + (unsigned) ut_rng_below (rng, n - i);
      const unsigned kept = values[i];
      values[i] = values[j];
      values[j] = kept;
    }
}

/* The right answer and the three most plausible others, shuffled. */
static void
choose_options (Asking *asking, const UtSceneFact *fact, unsigned right, unsigned chosen[N_OPTIONS])
{
  unsigned first, last, others[UT_SCENE_KINDS], n = 0, n_chosen = 0;
  answer_range (fact, &first, &last);
  for (unsigned answer = first; answer <= last; answer++)
    if (answer != right)
      others[n++] = answer;
  shuffle (others, n, n, &asking->rng);
  chosen[n_chosen++] = right;
  for (int wanted = 2; wanted >= 0; wanted--)
    for (unsigned i = 0; i < n && n_chosen < N_OPTIONS; i++)
      if (plausibility (fact, asking->scene, asking->partner, others[i]) == wanted)
        chosen[n_chosen++] = others[i];
  shuffle (chosen, N_OPTIONS, N_OPTIONS, &asking->rng);
}

/* --- Questions ----------------------------------------------------------------------------------------------------------------------- */

static void
find_subjects (const UtSceneFact *fact, const UtScene *scene, int subject[2])
{
  subject[0] = subject[1] = -1;
  switch (fact->form)
    {
    case UT_SCENE_RELATION:
      subject[1] = ut_scene_find (scene, fact->which[1]);
      [[fallthrough]];
    case UT_SCENE_PRESENT:
    case UT_SCENE_WHAT:
    case UT_SCENE_POSITION:
      subject[0] = ut_scene_find (scene, fact->which[0]);
      return;
    case UT_SCENE_LARGEST:
    case UT_SCENE_SMALLEST:
      subject[0] = ut_scene_extreme (scene, fact->form == UT_SCENE_LARGEST, 1);
      return;
    default:
      return;
    }
}

/* Adds the question unless its answer is open to doubt, or none that its form can have. */
static void
ask (Asking *asking, UtSceneFact fact)
{
  unsigned first, last, chosen[N_OPTIONS] = { 0, 1 };
  answer_range (&fact, &first, &last);
  const int right = ut_scene_fact_answer (&fact, asking->scene, asking->partner, 1);
  if (right < (int) first || right > (int) last)
    return;
  const unsigned n_options = fact.form == UT_SCENE_PRESENT ? 2 : N_OPTIONS;
  if (n_options == N_OPTIONS)
    choose_options (asking, &fact, (unsigned) right, chosen);

  UtSceneQuestion *q = g_new0 (UtSceneQuestion, 1);
  *q = (UtSceneQuestion) { .category = asking->category, .question = question_text (&fact), .right = right, .fact = fact };
  q->options = g_new0 (char *, n_options + 1);
  for (unsigned i = 0; i < n_options; i++)
    {
      q->options[i] = answer_text (&fact, chosen[i]);
      if (chosen[i] == (unsigned) right)
        q->answer = (int) i;
    }
  find_subjects (&fact, asking->scene, q->subject);
  g_ptr_array_add (asking->questions, q);
}

/* --- Presence ------------------------------------------------------------------------------------------------------------------------ */

static unsigned
company (const UtScenes *scenes, const UtScene *scene, unsigned kind)
{
  unsigned sum = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    sum += scenes->together[ut_scene_kind (&scene->objects[i])][kind];
  return sum;
}

typedef struct {
  unsigned kind, score;
} Ranked;

static int
by_falling_score (const void *a, const void *b)
{
  const Ranked *x = a, *y = b;
  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->kind < y->kind ? -1 : x->kind > y->kind;
}

/* The absent kinds in the order they are asked for. */
static void
rank_absent (const UtScenes *scenes, const UtScene *scene, const char *category, unsigned absent[UT_SCENE_KINDS])
{
  const gboolean popular = g_str_equal (category, "popular"), adversarial = g_str_equal (category, "adversarial");
  Ranked ranked[UT_SCENE_KINDS];
  unsigned n = 0;
  for (unsigned k = 0; k < UT_SCENE_KINDS; k++)
    if (ut_scene_find (scene, ut_scene_with_kind (k)) < 0)
      ranked[n++] = (Ranked) { k, popular ? scenes->frequency[k] : adversarial ? company (scenes, scene, k) : 0 };
  qsort (ranked, n, sizeof ranked[0], by_falling_score);
  for (unsigned i = 0; i < n; i++)
    absent[i] = ranked[i].kind;

  UtRng rng = ut_rng_init (scene->seed, scene->id, category, 0);
  if (!adversarial)
    shuffle (absent, popular ? POPULAR_POOL : n, N_EACH, &rng);
}

/* Up to N_EACH of the kinds that are there, the same in every category. */
static unsigned
choose_present (const UtScene *scene, unsigned present[UT_SCENE_KINDS])
{
  unsigned n = 0;
  for (unsigned k = 0; k < UT_SCENE_KINDS; k++)
    if (ut_scene_find (scene, ut_scene_with_kind (k)) >= 0)
      present[n++] = k;
  UtRng rng = ut_rng_init (scene->seed, scene->id, "present", 0);
  shuffle (present, n, N_EACH, &rng);
  return MIN (n, N_EACH);
}

static void
ask_presence (Asking *asking, const UtScenes *scenes)
{
  unsigned present[UT_SCENE_KINDS], absent[UT_SCENE_KINDS];
  const unsigned n = choose_present (asking->scene, present);
  rank_absent (scenes, asking->scene, asking->category, absent);
  for (unsigned i = 0; i < n; i++)
    {
      ask (asking, (UtSceneFact) { .form = UT_SCENE_PRESENT, .which = { ut_scene_with_kind (present[i]), UT_SCENE_ANY } });
      ask (asking, (UtSceneFact) { .form = UT_SCENE_PRESENT, .which = { ut_scene_with_kind (absent[i]), UT_SCENE_ANY } });
    }
}

/* --- Perception ---------------------------------------------------------------------------------------------------------------------- */

/* The attribute of everything that another attribute tells apart: "the star", "the red object". */
static void
ask_what (Asking *asking, UtSceneAttribute asked, UtSceneAttribute told)
{
  for (unsigned v = 0; v < ut_scene_values[told].n; v++)
    ask (asking, (UtSceneFact) { UT_SCENE_WHAT, asked, { ut_scene_with_value (told, v), UT_SCENE_ANY } });
}

static void
ask_colours (Asking *asking)
{
  ask_what (asking, UT_SCENE_COLOUR, UT_SCENE_SHAPE);
  ask_what (asking, UT_SCENE_COLOUR, UT_SCENE_TEXTURE);
}

static void
ask_shapes (Asking *asking)
{
  ask_what (asking, UT_SCENE_SHAPE, UT_SCENE_COLOUR);
  ask_what (asking, UT_SCENE_SHAPE, UT_SCENE_TEXTURE);
}

static void
ask_textures (Asking *asking)
{
  for (unsigned kind = 0; kind < UT_SCENE_KINDS; kind++)
    ask (asking, (UtSceneFact) { UT_SCENE_WHAT, UT_SCENE_TEXTURE, { ut_scene_with_kind (kind), UT_SCENE_ANY } });
}

/* One question of a form for every value of every attribute that at least `least` objects have. */
static void
ask_values (Asking *asking, UtSceneForm form, unsigned least)
{
  for (unsigned a = 0; a < UT_SCENE_N_ATTRIBUTES; a++)
    for (unsigned v = 0; v < ut_scene_values[a].n; v++)
      {
        const UtSceneWhich which = ut_scene_with_value ((UtSceneAttribute) a, v);
        if (ut_scene_count (asking->scene, which) >= least)
          ask (asking, (UtSceneFact) { form, (UtSceneAttribute) a, { which, UT_SCENE_ANY } });
      }
}

static void
ask_counts (Asking *asking)
{
  ask (asking,
       (UtSceneFact) { .form = UT_SCENE_COUNT, .attribute = UT_SCENE_N_ATTRIBUTES, .which = { UT_SCENE_ANY, UT_SCENE_ANY } });
  ask_values (asking, UT_SCENE_COUNT, ut_rng_below (&asking->rng, 4) == 0 ? 1 : 2); /* else 1 would be the likely answer */
}

static void
ask_sizes (Asking *asking)
{
  ask (asking, (UtSceneFact) { .form = UT_SCENE_LARGEST, .which = { UT_SCENE_ANY, UT_SCENE_ANY } });
  ask (asking, (UtSceneFact) { .form = UT_SCENE_SMALLEST, .which = { UT_SCENE_ANY, UT_SCENE_ANY } });
}

static void
ask_positions (Asking *asking)
{
  for (unsigned kind = 0; kind < UT_SCENE_KINDS; kind++)
    ask (asking, (UtSceneFact) { .form = UT_SCENE_POSITION, .which = { ut_scene_with_kind (kind), UT_SCENE_ANY } });
}

static void
ask_relations (Asking *asking)
{
  const UtScene *scene = asking->scene;
  for (unsigned i = 0; i < scene->n_objects; i++)
    for (unsigned j = 0; j < scene->n_objects; j++)
      {
        const unsigned a = ut_scene_kind (&scene->objects[i]), b = ut_scene_kind (&scene->objects[j]);
        if (a != b)
          ask (asking, (UtSceneFact) { .form = UT_SCENE_RELATION, .which = { ut_scene_with_kind (a), ut_scene_with_kind (b) } });
      }
}

/* --- Reasoning ----------------------------------------------------------------------------------------------------------------------- */

/* Whether there are more of one value or of another, of which at least one is there. */
static void
ask_more (Asking *asking, UtSceneAttribute attribute)
{
  for (unsigned a = 0; a < ut_scene_values[attribute].n; a++)
    for (unsigned b = 0; b < ut_scene_values[attribute].n; b++)
      {
        const UtSceneWhich first = ut_scene_with_value (attribute, a), second = ut_scene_with_value (attribute, b);
        if (a != b && ut_scene_count (asking->scene, first) + ut_scene_count (asking->scene, second) > 0)
          ask (asking, (UtSceneFact) { UT_SCENE_MORE, attribute, { first, second } });
      }
}

static void
ask_comparisons (Asking *asking)
{
  for (unsigned a = 0; a < UT_SCENE_N_ATTRIBUTES; a++)
    {
      ask_more (asking, (UtSceneAttribute) a);
      if (asking->scene->n_objects > 1)
        ask (asking, (UtSceneFact) { UT_SCENE_MOST, (UtSceneAttribute) a, { UT_SCENE_ANY, UT_SCENE_ANY } });
    }
}

static void
ask_what_is_left (Asking *asking)
{
  ask_values (asking, UT_SCENE_LEFT, 1);
}

static void
ask_of_both (Asking *asking)
{
  if (asking->partner == NULL)
    return;
  ask_values (asking, UT_SCENE_IN_WHICH, 0);
  ask_values (asking, UT_SCENE_TOGETHER, 0);
  for (unsigned a = 0; a < UT_SCENE_N_ATTRIBUTES; a++)
    ask (asking, (UtSceneFact) { UT_SCENE_IN_COMMON, (UtSceneAttribute) a, { UT_SCENE_ANY, UT_SCENE_ANY } });
}

/* --- Choosing among questions -------------------------------------------------------------------------------------------------------- */

/* A form whose answers are an attribute's values is another one for each attribute, and so is counting all objects. */
static unsigned
form_key (const UtSceneQuestion *question)
{
  const UtSceneFact *fact = &question->fact;
  const gboolean of_values = fact->form == UT_SCENE_WHAT || fact->form == UT_SCENE_MOST
                             || fact->form == UT_SCENE_IN_COMMON || fact->attribute == UT_SCENE_N_ATTRIBUTES;
  return fact->form * (UT_SCENE_N_ATTRIBUTES + 1) + (of_values ? fact->attribute : 0);
}

UtSceneQuestion *
ut_scene_take_least_used (GPtrArray *questions, UtSceneUse *use)
{
  guint best = 0;
  for (guint i = 1; i < questions->len; i++)
    {
      const UtSceneQuestion *q = questions->pdata[i], *p = questions->pdata[best];
      const unsigned k = form_key (q), l = form_key (p);
      const unsigned answers = use->answers[k][q->right], fewest = use->answers[l][p->right];
      if (answers < fewest || (answers == fewest && use->forms[k] < use->forms[l]))
        best = i;
    }
  UtSceneQuestion *taken = g_ptr_array_steal_index (questions, best);
  use->answers[form_key (taken)][taken->right]++;
  use->forms[form_key (taken)]++;
  return taken;
}

static void
shuffle_questions (GPtrArray *questions, UtRng *rng)
{
  for (guint i = questions->len; i > 1; i--)
    {
      const guint j = (guint) ut_rng_below (rng, i);
      const gpointer kept = questions->pdata[i - 1];
      questions->pdata[i - 1] = questions->pdata[j];
      questions->pdata[j] = kept;
    }
}

/* Orders questions so that forms and answers vary from the first on. */
static GPtrArray *
varied (GPtrArray *questions, UtRng *rng)
{
  UtSceneUse use = {};
  GPtrArray *ordered = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_scene_question_free);
  shuffle_questions (questions, rng);
  while (questions->len > 0)
    g_ptr_array_add (ordered, ut_scene_take_least_used (questions, &use));
  g_ptr_array_unref (questions);
  return ordered;
}

GPtrArray *
ut_scenes_ask (const UtScenes *scenes, const UtScene *scene, const UtScene *partner, const char *category)
{
  static const struct {
    const char *category;
    void (*ask) (Asking *);
  } askers[] = { { "colour", ask_colours },    { "shape", ask_shapes },        { "count", ask_counts },
                 { "size", ask_sizes },        { "position", ask_positions },  { "relation", ask_relations },
                 { "texture", ask_textures },  { "compare", ask_comparisons },
                 { "left", ask_what_is_left }, { "pair", ask_of_both } };
  Asking asking = { .scene = scene, .category = category, .rng = ut_rng_init (scene->seed, scene->id, category, 0) };
  asking.partner = g_str_equal (category, "pair") ? partner : NULL;
  asking.questions = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_scene_question_free);
  for (size_t i = 0; i < G_N_ELEMENTS (askers); i++)
    if (g_str_equal (category, askers[i].category))
      {
        askers[i].ask (&asking);
        return varied (asking.questions, &asking.rng);
      }
  ask_presence (&asking, scenes);
  return asking.questions;
}
