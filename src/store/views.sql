-- Every published formula, once. [P] marks the paper's own definition (arXiv 2602.06652), [+] ours; § is the section of docs/method.md.
-- Symbols: item i, variant v of family f, options k with scores s_k, clean prediction y0, prediction y.
--
-- What counts:
-- * Failed trials are left out everywhere and counted in `failures`. An item whose clean trial failed has nothing to compare with and
--   no instances.
-- * Instances are the trials of perturbations (variant.role). Those of priors, the noise floor and the matched control are answers, but no
--   instances.
-- * An answer to an image on which the right answer has changed, or may have (trial.label), is neither right nor wrong: it counts where
--   answers are compared with each other (flips, entropy, drift), and where they are compared with the right one it is left out and
--   counted as `unjudged`. Where no trial has a label, as in every benchmark from files, `unjudged` is NULL and nothing is left out.
-- * A quantity over nothing is NULL, never 0.
--
-- What is reproducible: a floating-point sum depends on the order of its terms, and rows lie in the order they were written, which an
-- interrupted run or a second thread changes. So every sum, mean and deviation of a double says ORDER BY its terms' identity inside the
-- aggregate; counts, minima and maxima need not. Every view that is shown has a total order of its rows.

-- Channels in the order a reader meets them in a model, each before its own variations (vision.2 before vision.10, ctx_mcq before
-- ctx_mcq.normed); unknown ones last.
CREATE OR REPLACE MACRO channel_rank(channel) AS
  100 * coalesce(list_position(['image', 'vision', 'llm', 'ctx_open', 'ctx_mcq', 'ans_open', 'ans_mcq', 'ans_mcq_free'],
                               split_part(channel, '.', 1)), 99) + length(channel);

-- Whether the channel is one of the layers' own (vision.3, llm.12), which stand in a view of their own.
CREATE OR REPLACE MACRO is_layer(channel) AS regexp_matches(channel, '^(vision|llm)\.[0-9]+$');

-- P(|X − n/2| ≥ |k − n/2|) of X ~ Binomial(n, ½): McNemar's exact test, two-sided. The logarithms leave it exact to 1e-9 up to n = 10⁵.
CREATE OR REPLACE MACRO binomial_two_sided(k, n) AS
  least(1, 2 * list_sum(list_transform(range(least(k, n - k) + 1),
                                       lambda j: exp(lgamma(n + 1) - lgamma(j + 1) - lgamma(n - j + 1) - n * ln(2)))));

-- 1 − C(V − m, k) / C(V, k): the chance that k of V variants, of which m flip, hold a flip.
CREATE OR REPLACE MACRO flip_among(k, V, m) AS
  1 - list_product(list_transform(range(k), lambda j: (V - m - j) / (V - j)));

-- An option's part of the Jensen–Shannon divergence of two distributions: ½ p ln (p/m) + ½ q ln (q/m), m = (p + q) / 2, 0 ln 0 = 0.
CREATE OR REPLACE MACRO divergence_of_option(p, q) AS
  if(p > 0, p / 2 * ln(2 * p / (p + q)), 0) + if(q > 0, q / 2 * ln(2 * q / (p + q)), 0);

-- ── Scores ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- One row an option of a trial: its score in every form (§3), nats, and s_k, the form that decides in this run.
CREATE OR REPLACE VIEW option_scores AS
WITH formed AS (
  SELECT s.item, s.variant, s.option, s.n_tokens, s.n_bytes,
         s.logprob,                                             -- over the text and the closing tokens [P]
         s.logprob_text,                                        -- over the text alone [+]
         s.logprob / nullif(s.n_bytes, 0) AS logprob_per_byte,  -- the paper's per byte [+]
         s.logprob_letter,                                      -- of the option's letter [+]
         n.logprob                        AS logprob_no_image,
         s.logprob - n.logprob            AS logprob_less_no_image  -- what the image adds [+]
  FROM score s LEFT JOIN no_image n USING (item, option)
)
SELECT *,
       CASE (SELECT value FROM run WHERE key = '--score')
         WHEN 'sum'    THEN logprob
         WHEN 'text'   THEN logprob_text
         WHEN 'byte'   THEN logprob_per_byte
         WHEN 'letter' THEN logprob_letter
         WHEN 'image'  THEN logprob_less_no_image
       END AS s
FROM formed;

-- ── Trials ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- One row a finished trial (clean or not) of an item whose clean trial finished too: its answer and its margins.
CREATE OR REPLACE VIEW answers AS
WITH clean AS (
  SELECT item, predicted AS y0 FROM trial WHERE variant = 0 AND error IS NULL
), scored AS (
  SELECT s.item, s.variant,
         max(s.s) FILTER (s.option = c.y0)      AS logp,
         max(s.s) FILTER (s.option <> c.y0)     AS logp_rival,
         max(s.s) FILTER (s.option = i.answer)  AS logp_right,
         max(s.s) FILTER (s.option <> i.answer) AS logp_wrong,
         max(s.s) FILTER (i.yes_no AND s.option = 0) AS logp_yes,
         max(s.s) FILTER (i.yes_no AND s.option = 1) AS logp_no
  FROM option_scores s JOIN clean c USING (item) JOIN item i USING (item)
  GROUP BY s.item, s.variant
)
SELECT t.item, t.variant, i.image_id, i.category, i.yes_no, i.answer,
       c.y0,
       t.predicted                    AS y,
       c.y0 = i.answer                AS right_clean,
       CASE WHEN coalesce(t.label = 'holds', true) THEN t.predicted = i.answer END AS right_now,  -- NULL: unjudged
       t.predicted <> c.y0            AS flip,          -- 1[y_iv ≠ y_i0] [P] §4
       s.logp,                                          -- s_{y0}, nats
       s.logp - s.logp_rival          AS margin,        -- m = s_{y0} − max_{k≠y0} s_k, of the clean prediction [P] §3
       s.logp_right - s.logp_wrong    AS margin_right,  -- the same of the right answer [+] §3
       s.logp_yes - s.logp_no         AS margin_yes,    -- s_Yes − s_No, POPE [P] §3
       s.logp - s0.logp               AS delta_logp,    -- Δlogp = s_{y0}(I_v) − s_{y0}(I) [P] §3
       (s.logp - s.logp_rival) - (s0.logp - s0.logp_rival) AS delta_margin,  -- Δm = m(I_v) − m(I) [P] §3
       t.width, t.height, t.detail, t.label
FROM trial t
JOIN clean c USING (item)
JOIN item i USING (item)
LEFT JOIN scored s USING (item, variant)
LEFT JOIN scored s0 ON s0.item = t.item AND s0.variant = 0
WHERE t.error IS NULL;

-- One row an instance (i, v): an answer under a perturbation. Transitions R→R, R→W, W→R, W→W [P] §4 as four booleans, none of them true
-- where the answer is unjudged.
CREATE OR REPLACE VIEW instances AS
SELECT a.*, v.family,
       right_clean AND right_now         AS RR,
       right_clean AND NOT right_now     AS RW,
       NOT right_clean AND right_now     AS WR,
       NOT right_clean AND NOT right_now AS WW
FROM answers a JOIN variant v USING (variant)
WHERE v.role = 'perturbation';

-- Which variants a reported row pools: each family its own, then "Any" [P] §4: the core variants (24 where all of them ran), and all.
-- `place` orders the rows: the families in the paper's order, the pools last.
CREATE OR REPLACE VIEW pools AS
WITH perturbed AS (
  SELECT variant, family, core,
         NOT core AND bool_or(core) OVER (PARTITION BY family) AS beyond,
         min(variant) OVER (PARTITION BY family) AS first, max(variant) OVER (PARTITION BY family) AS last
  FROM variant WHERE role = 'perturbation'
)
-- What was chosen beyond the paper's own parameters stands apart, so that the family's row keeps the paper's meaning.
SELECT if(beyond, last, first) AS place, if(beyond, family || ' (others)', family) AS family, variant
FROM perturbed
UNION ALL
SELECT 4294967294, format('any (core-{})', count(*) OVER ()), variant
FROM perturbed WHERE core
UNION ALL
SELECT 4294967295, 'any (all)', variant
FROM perturbed;

-- The rows of charts and their order: families and pools, but the pool of all variants only where it is not that of the core ones.
CREATE OR REPLACE VIEW listed AS
SELECT min(p.place) AS place, p.family
FROM pools p JOIN variant v USING (variant)
GROUP BY p.family
HAVING p.family <> 'any (all)' OR NOT bool_and(v.core);

-- Trials without a number: failed ones, controls that are no number, rows of the benchmark that were left out.
CREATE OR REPLACE VIEW failures AS
SELECT kind, item, id, variant, reason
FROM (
  SELECT 1 AS rank, 'trial' AS kind, t.item, i.id, t.variant AS number, v.name AS variant, t.error AS reason
  FROM trial t LEFT JOIN item i USING (item) LEFT JOIN variant v USING (variant)
  WHERE t.error IS NOT NULL
  UNION ALL
  SELECT 2, 'control', c.item, i.id, 0, c.channel, 'the control drift is no number'
  FROM control c LEFT JOIN item i USING (item)
  WHERE c.mean_distance IS NULL
  UNION ALL
  SELECT 3, 'skipped', NULL, place, NULL, NULL, reason
  FROM skipped
)
ORDER BY rank, item, number, variant, id, reason;

-- ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Answer entropy of a question over {clean + variants}: H = Σ p ln 1/p of its distinct answers, nats [P] §4.
CREATE OR REPLACE VIEW entropies AS
WITH drawn AS (
  SELECT p.family, n.item, n.y FROM instances n JOIN pools p USING (variant)
  UNION ALL
  SELECT DISTINCT p.family, n.item, n.y0 FROM instances n JOIN pools p USING (variant)
), share AS (
  SELECT family, item, y, count(*) / sum(count(*)) OVER (PARTITION BY family, item) AS p
  FROM drawn GROUP BY family, item, y
)
SELECT family, item, sum(p * ln(1 / p) ORDER BY y) AS entropy
FROM share GROUP BY family, item;

-- One row a family and two for "Any": how often the answer changed, and what that did to the accuracy.
CREATE OR REPLACE VIEW families AS
WITH question AS (
  SELECT p.family, n.item, any_value(n.image_id) AS image_id, bool_or(n.flip) AS flipped
  FROM instances n JOIN pools p USING (variant) GROUP BY p.family, n.item
), asked AS (
  SELECT family, count(*) AS questions, count(*) FILTER (flipped) AS questions_flipped,
         count(DISTINCT image_id) AS images, count(DISTINCT image_id) FILTER (flipped) AS images_flipped
  FROM question GROUP BY family
), uncertain AS (
  SELECT family, avg(entropy ORDER BY item) AS entropy FROM entropies GROUP BY family
), counted AS (
  SELECT p.family, count(*) AS instances, count(*) FILTER (n.flip) AS flips,
         count(n.right_now) AS judged, if(count(n.label) > 0, count(*) - judged, NULL) AS unjudged,
         count(*) FILTER (n.RR) AS RR, count(*) FILTER (n.RW) AS RW, count(*) FILTER (n.WR) AS WR, count(*) FILTER (n.WW) AS WW,
         avg(n.delta_margin ORDER BY n.item, n.variant) AS delta_margin,
         avg(n.delta_logp ORDER BY n.item, n.variant)   AS delta_logp
  FROM instances n JOIN pools p USING (variant) GROUP BY p.family
), failed AS (
  SELECT p.family, count(*) AS failed FROM trial t JOIN pools p USING (variant) WHERE t.error IS NOT NULL GROUP BY p.family
), listed AS (
  SELECT family, min(place) AS place, count(*) AS variants FROM pools GROUP BY family
)
SELECT family, variants,
       coalesce(questions, 0)              AS questions,   -- with at least one instance
       coalesce(instances, 0)              AS instances,
       coalesce(flips, 0)                  AS flips,
       flips / instances                   AS IFR,         -- instance flip rate [P] §4; pooled over the variants of "Any"
       questions_flipped / questions       AS IV,          -- image vulnerability: share of questions with a flip [P] §4
       images_flipped / images             AS IV_image,    -- the same of unique images [+] §4
       coalesce(RR, 0) AS RR, coalesce(RW, 0) AS RW, coalesce(WR, 0) AS WR, coalesce(WW, 0) AS WW,  -- transitions [P] §4
       unjudged,                                           -- instances in none of the four
       (RR + WR) / nullif(judged, 0)       AS accuracy,
       (WR - RW) / nullif(judged, 0)       AS delta_accuracy,  -- against the clean answers of the same instances [P] §4
       entropy,                                            -- mean over questions, nats [P] §4
       delta_margin,                                       -- mean Δm, nats [P] §3
       delta_logp,                                         -- mean Δlogp, nats [P] §3
       coalesce(failed, 0)                 AS failed       -- trials
FROM listed
LEFT JOIN asked USING (family)
LEFT JOIN counted USING (family)
LEFT JOIN uncertain USING (family)
LEFT JOIN failed USING (family)
ORDER BY place;

-- The same by variant, for reading a family's inside.
CREATE OR REPLACE VIEW transitions AS
SELECT v.family, v.name AS variant, v.param,
       count(n.item) AS instances, count(*) FILTER (n.flip) AS flips, count(*) FILTER (n.flip) / nullif(count(n.item), 0) AS IFR,
       count(*) FILTER (n.RR) AS RR, count(*) FILTER (n.RW) AS RW, count(*) FILTER (n.WR) AS WR, count(*) FILTER (n.WW) AS WW,
       count(*) FILTER (n.WW AND n.flip) AS WW_changed,  -- wrong before and after, with another wrong answer [+]
       if(count(n.label) > 0, count(n.item) - count(n.right_now), NULL) AS unjudged,
       (count(*) FILTER (n.WR) - count(*) FILTER (n.RW)) / nullif(count(n.right_now), 0) AS delta_accuracy,
       -- McNemar's exact test of that [+] §4: a question is one pair here, right or wrong before and after.
       CASE WHEN count(n.right_now) > 0
            THEN binomial_two_sided(count(*) FILTER (n.RW), count(*) FILTER (n.RW OR n.WR)) END AS p_mcnemar
FROM variant v LEFT JOIN instances n USING (variant)
WHERE v.role = 'perturbation'
GROUP BY v.variant, v.family, v.name, v.param
ORDER BY v.variant;

-- What each variant really did to the pixels [+] §2: means over the trials whose images kept their size (`compared`); the ratio of
-- signal to noise over those of them in which anything changed.
CREATE OR REPLACE VIEW pixel_changes AS
WITH changed AS (
  SELECT item, variant,
         max(value) FILTER (metric = 'psnr')    AS psnr,
         max(value) FILTER (metric = 'linf')    AS linf,
         max(value) FILTER (metric = 'touched') AS touched
  FROM measurement WHERE channel = 'image' GROUP BY item, variant
)
SELECT v.family, v.name AS variant, v.param,
       count(t.item) AS trials, count(c.linf) AS compared,
       avg(c.psnr ORDER BY t.item) AS psnr, min(c.psnr) AS psnr_min,  -- dB
       avg(c.linf ORDER BY t.item) AS linf,                          -- levels of 255
       avg(c.touched ORDER BY t.item) AS touched                     -- share of the pixels
FROM variant v
LEFT JOIN trial t ON t.variant = v.variant AND t.error IS NULL
LEFT JOIN changed c ON c.variant = t.variant AND c.item = t.item
WHERE v.role IN ('perturbation', 'prior')
GROUP BY v.variant, v.family, v.name, v.param
ORDER BY v.variant;

-- Accuracy, and on yes/no questions POPE's figures with Yes as the positive class [P] §4: clean, then after each family; over the whole
-- benchmark, then by category. An instance is one question clean, or one (i, v) of the family.
CREATE OR REPLACE VIEW accuracy AS
WITH answered AS (
  SELECT a.*, -1 AS place, 'clean' AS family FROM answers a WHERE a.variant = 0
  UNION ALL
  SELECT a.*, p.place, p.family FROM answers a JOIN pools p USING (variant)
), counted AS (
  SELECT place, family, category, grouping(category) = 1 AS whole,
         count(DISTINCT item) AS questions, count(*) AS instances,
         count(right_now) AS judged, if(count(label) > 0, count(*) - judged, NULL) AS unjudged, count(*) FILTER (right_now) AS n_right,
         count(right_now) FILTER (yes_no)                    AS yes_no,
         count(*) FILTER (yes_no AND y = 0 AND right_now)     AS tp,
         count(*) FILTER (yes_no AND y = 0 AND NOT right_now) AS fp,
         count(*) FILTER (yes_no AND y <> 0 AND NOT right_now) AS fn,
         count(*) FILTER (yes_no AND y <> 0 AND right_now)    AS tn
  FROM answered
  GROUP BY GROUPING SETS ((place, family), (place, family, category))
)
SELECT CASE WHEN whole THEN 'all' ELSE category END AS category, family, questions, instances,
       unjudged,
       n_right / nullif(judged, 0)          AS accuracy,
       yes_no,                                             -- judged instances, which the following are taken over
       tp / nullif(tp + fp, 0)              AS precision,
       tp / nullif(tp + fn, 0)              AS recall,
       2 * tp / nullif(2 * tp + fp + fn, 0) AS F1,
       fp / nullif(fp + tn, 0)              AS FPR,        -- false-positive rate
       (tp + fp) / nullif(yes_no, 0)        AS yes_rate    -- share of Yes among the predictions
FROM counted
WHERE whole OR category IS NOT NULL
ORDER BY NOT whole, category, place;

-- McNemar's exact test, clean against perturbed accuracy [+] §4, a family a row. The test takes independent pairs of right or wrong before
-- and after. All instances of a family are none: those of a question share its clean answer and mostly go the same way, so that their test
-- would call chance significant. Nor is the majority of a question's variants: it is steadier than the one clean answer, and
-- R→W and W→R are no longer equally likely where nothing has changed. So each variant is tested over its questions (p_mcnemar of
-- `transitions`), and p of a family of V variants is Bonferroni's, V times the smallest, whatever goes together among them: "no
-- variant of this family changes the accuracy". Questions on one image still count as independent; where images have several, the
-- interval of ΔAcc (`intervals`, over images) is the safer word.
-- p_holm allows for testing all families at once. The pools only repeat them and are not counted among these.
CREATE OR REPLACE VIEW mcnemar AS
WITH tested AS (
  SELECT p.place, p.family, count(*) AS variants, sum(t.RW)::BIGINT AS RW, sum(t.WR)::BIGINT AS WR,
         least(1, count(t.p_mcnemar) * min(t.p_mcnemar)) AS p
  FROM pools p JOIN variant v USING (variant) JOIN transitions t ON t.variant = v.name
  GROUP BY p.place, p.family
), ranked AS (
  SELECT family, p, row_number() OVER (ORDER BY p, place) AS rank, count(*) OVER () AS tests
  FROM tested WHERE p IS NOT NULL AND family IN (SELECT family FROM variant)
), corrected AS (
  SELECT family, max(least(1, (tests - rank + 1) * p)) OVER (ORDER BY rank) AS p_holm FROM ranked
)
SELECT family, variants, RW, WR, p, p_holm FROM tested LEFT JOIN corrected USING (family) ORDER BY place;

-- A question's instances V_i and flips m_i in a family.
CREATE OR REPLACE VIEW question_flips AS
SELECT p.place, p.family, n.item, any_value(n.image_id) AS image_id, count(*) AS instances, count(*) FILTER (n.flip) AS flips
FROM instances n JOIN pools p USING (variant) GROUP BY p.place, p.family, n.item;

-- IV at equal variant count [+] §4: the mean chance that k of a question's variants, drawn without replacement, hold a flip; for k up to
-- the fewest variants that a question has. Families of eight variants and of two can be compared at k = 2; IV itself grows with V.
CREATE OR REPLACE VIEW vulnerability AS
WITH question AS (
  SELECT *, min(instances) OVER (PARTITION BY family) AS fewest FROM question_flips
), drawn AS (
  SELECT *, unnest(range(1, fewest + 1)) AS k FROM question
)
SELECT family, k, count(*) AS questions, avg(flip_among(k, instances, flips) ORDER BY item) AS IV
FROM drawn GROUP BY place, family, k ORDER BY place, k;

-- P(flip) by decile of the clean margin [+] §4: questions in ten equal parts by m(I), the least sure first, the same for all families.
CREATE OR REPLACE VIEW flips_by_margin AS
WITH ranked AS (
  SELECT item, margin, ntile(10) OVER (ORDER BY margin, item) AS decile FROM answers WHERE variant = 0 AND margin IS NOT NULL
)
SELECT p.family, r.decile, min(r.margin) AS margin_from, max(r.margin) AS margin_to, count(DISTINCT n.item) AS questions,
       count(*) AS instances, count(*) FILTER (n.flip) AS flips, count(*) FILTER (n.flip) / count(*) AS IFR
FROM instances n JOIN pools p USING (variant) JOIN ranked r USING (item)
GROUP BY p.place, p.family, r.decile
ORDER BY p.place, r.decile;

-- How answers and margins go with a family's parameter: margin curves of the band tests [P] §6, ladders of severity [+] §2. Trials of one
-- parameter are pooled. What overlays say has no severity.
CREATE OR REPLACE VIEW severity AS
SELECT v.family, v.param, count(DISTINCT n.item) AS questions, count(*) AS instances, count(*) FILTER (n.flip) AS flips,
       flips / instances AS IFR,
       avg(n.margin ORDER BY n.item, n.variant)         AS margin,      -- of the clean prediction, nats
       stddev_samp(n.margin ORDER BY n.item, n.variant) AS margin_sd,
       avg(n.margin_right ORDER BY n.item, n.variant)   AS margin_right,
       avg(n.delta_margin ORDER BY n.item, n.variant)   AS delta_margin
FROM instances n JOIN variant v USING (variant)
WHERE v.param IS NOT NULL AND NOT starts_with(v.family, 'text_')
GROUP BY v.family, v.param
ORDER BY min(v.variant), v.param;

-- The families that are measured at several parameters, each with the parameter's unit behind its name: the rows of severity's charts.
-- Frequency cut-offs, which have charts of their own, are left out, and what is no severity.
CREATE OR REPLACE VIEW ladders AS
WITH rising AS (
  SELECT *, count(*) OVER (PARTITION BY family) AS params FROM severity WHERE family NOT IN ('keep_low', 'keep_high', 'scale_pad')
), placed AS (
  SELECT family, min(variant) AS place FROM variant GROUP BY family
)
SELECT place, family ||
       CASE WHEN family IN ('translation', 'translation_vertical', 'pad_crop') THEN ', px'
            WHEN family = 'rotation' THEN ', °'
            WHEN family = 'blur' THEN ', σ in px'
            WHEN family = 'gaussian_noise' THEN ', σ in levels'
            WHEN family = 'occlusion' THEN ', % of the area'
            WHEN family = 'jpeg' THEN ', quality'
            WHEN family IN ('scale', 'brightness', 'contrast') THEN ', factor'
            WHEN starts_with(family, 'band_noise') OR starts_with(family, 'signs') THEN ', ε in 1/255'
            ELSE '' END AS family,
       param, questions, instances, flips, IFR, margin, delta_margin
FROM rising JOIN placed USING (family)
WHERE params > 1
ORDER BY place, param;

-- The flip threshold of a question [P] §6: the mildest cut-off at which its answer is another, the highest of keep_low and the lowest of
-- keep_high; NULL where no cut-off that ran changes it.
CREATE OR REPLACE VIEW question_thresholds AS
SELECT v.family, n.item, if(v.family = 'keep_low', max(v.param) FILTER (n.flip), min(v.param) FILTER (n.flip)) AS threshold
FROM instances n JOIN variant v USING (variant)
WHERE v.family IN ('keep_low', 'keep_high')
GROUP BY v.family, n.item;

CREATE OR REPLACE VIEW flip_thresholds AS
SELECT family, count(*) AS questions, count(threshold) AS flipping, median(threshold) AS threshold_median,
       quantile_cont(threshold, 0.25) AS threshold_from, quantile_cont(threshold, 0.75) AS threshold_to  -- quartiles
FROM question_thresholds GROUP BY family ORDER BY family DESC;

-- ── Drift ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- One row an instance and channel: d_iv = 1 − cos(e_i0, e_iv) and l_iv = ‖e_i0 − e_iv‖ [P] §5, ΔE = E' − E [P] §6.
CREATE OR REPLACE VIEW drifts AS
WITH value AS (
  SELECT item, variant, channel,
         max(value) FILTER (metric = 'cosine_distance') AS drift,
         max(value) FILTER (metric = 'l2_distance')     AS l2,
         max(value) FILTER (metric = 'dirichlet')       AS dirichlet
  FROM measurement WHERE metric IN ('cosine_distance', 'l2_distance', 'dirichlet') GROUP BY item, variant, channel
)
SELECT n.item, n.variant, n.flip, m.channel, m.drift, m.l2, m.dirichlet - m0.dirichlet AS delta_dirichlet
FROM instances n
JOIN value m USING (item, variant)
LEFT JOIN value m0 ON m0.item = n.item AND m0.channel = m.channel AND m0.variant = 0;

-- CD: mean and spread over the items of the control drift, a channel a row [P] §5.
CREATE OR REPLACE VIEW controls AS
SELECT channel, count(c.mean_distance) AS questions,
       avg(c.mean_distance ORDER BY item)         AS mean_cd,
       stddev_samp(c.mean_distance ORDER BY item) AS sd_cd
FROM control c JOIN trial t USING (item)
WHERE t.variant = 0 AND t.error IS NULL
GROUP BY channel
ORDER BY channel_rank(channel), channel;

-- CD_i: every question's mean distance to k other clean embeddings of the channel [P] §5.
CREATE OR REPLACE VIEW control_items AS
SELECT c.item, i.id, c.channel, c.mean_distance, c.k
FROM control c JOIN item i USING (item)
ORDER BY c.item, channel_rank(c.channel), c.channel;

-- Perturbation drift PD_if = mean_v d_iv [P] §5, by family, channel and whether the answer was kept: over all instances, over those whose
-- answer was kept (hidden drift [+] §5), over those that flipped [+].
CREATE OR REPLACE VIEW question_drifts AS
WITH instance AS (
  SELECT p.place, p.family, d.*, unnest(['all', if(d.flip, 'flipped', 'kept')]) AS answer
  FROM drifts d JOIN pools p USING (variant)
)
SELECT place, family, channel, answer, item,
       count(drift)                          AS n_drift,
       avg(drift ORDER BY variant)           AS pd,
       sum(1 - drift ORDER BY variant)       AS cos,
       count(l2)                             AS n_l2,
       sum(l2 ORDER BY variant)              AS l2,
       count(delta_dirichlet)                AS n_dirichlet,
       sum(delta_dirichlet ORDER BY variant) AS delta_dirichlet
FROM instance GROUP BY place, family, channel, answer, item;

-- Its mean and spread over questions.
CREATE OR REPLACE VIEW drift_statistics AS
WITH summed AS (
  SELECT place, family, channel, answer,
         count(pd)                                        AS questions,
         sum(n_drift)::BIGINT                             AS instances,
         sum(cos ORDER BY item) / nullif(sum(n_drift), 0) AS cos,  -- embedding stability: means over instances [P] §5
         sum(l2 ORDER BY item) / nullif(sum(n_l2), 0)     AS l2,
         avg(pd ORDER BY item)                            AS mean_pd,
         stddev_samp(pd ORDER BY item)                    AS sd_pd,
         sum(delta_dirichlet ORDER BY item) / nullif(sum(n_dirichlet), 0) AS delta_dirichlet  -- mean ΔE over instances [P] §6
  FROM question_drifts GROUP BY place, family, channel, answer
)
SELECT s.channel, s.place, s.family, s.answer, s.questions, s.instances, s.cos, s.l2, s.mean_pd, s.sd_pd, c.mean_cd, c.sd_cd,
       100 * mean_pd / nullif(mean_cd, 0) AS percent,  -- drift in % of control [P] §5
       100 * sd_pd / nullif(mean_cd, 0)   AS percent_sd,
       -- Cohen's d with the pooled sd, ddof 1 [P] §5: negative where the drift is below the control, as in §8's table.
       (mean_pd - mean_cd)
         / nullif(sqrt(((s.questions - 1) * coalesce(sd_pd, 0) ** 2 + (c.questions - 1) * coalesce(sd_cd, 0) ** 2)
                       / nullif(s.questions + c.questions - 2, 0)), 0) AS cohens_d,
       s.delta_dirichlet
FROM summed s LEFT JOIN controls c USING (channel);

CREATE OR REPLACE VIEW drift_by_answer AS
SELECT * EXCLUDE (place) FROM drift_statistics ORDER BY channel_rank(channel), channel, place, answer;

-- The drift table: a channel and family a row.
CREATE OR REPLACE VIEW drift AS
SELECT channel, family,
       any_value(questions)       FILTER (answer = 'all')     AS questions,
       any_value(instances)       FILTER (answer = 'all')     AS instances,
       any_value(cos)             FILTER (answer = 'all')     AS cos,
       any_value(l2)              FILTER (answer = 'all')     AS l2,
       any_value(mean_pd)         FILTER (answer = 'all')     AS drift,
       any_value(mean_cd)                                     AS control,
       any_value(percent)         FILTER (answer = 'all')     AS percent,
       any_value(percent_sd)      FILTER (answer = 'all')     AS percent_sd,
       any_value(cohens_d)        FILTER (answer = 'all')     AS cohens_d,
       coalesce(any_value(instances) FILTER (answer = 'kept'), 0)    AS kept,
       any_value(percent)         FILTER (answer = 'kept')    AS hidden_percent,  -- hidden drift: where the answer was kept [+] §5
       any_value(percent_sd)      FILTER (answer = 'kept')    AS hidden_percent_sd,
       coalesce(any_value(instances) FILTER (answer = 'flipped'), 0) AS flipped,
       any_value(percent)         FILTER (answer = 'flipped') AS flipped_percent,
       any_value(delta_dirichlet) FILTER (answer = 'all')     AS delta_dirichlet
FROM drift_statistics
WHERE NOT is_layer(channel)
GROUP BY channel, family, place
ORDER BY channel_rank(channel), channel, place;

-- The noise floor [+] §5: how far the clean image is from itself, its first question asked again, alone. What moves no more than this has
-- not moved. Δm in nats, distances in their units.
CREATE OR REPLACE VIEW noise_floor AS
SELECT 'margin_change' AS quantity, NULL::VARCHAR AS channel, count(a.delta_margin) AS questions,
       avg(abs(a.delta_margin) ORDER BY a.item) AS mean, max(abs(a.delta_margin)) AS largest
FROM answers a JOIN variant v USING (variant)
WHERE v.role = 'floor'
UNION ALL
SELECT * FROM (
  SELECT m.metric, m.channel, count(*), avg(m.value ORDER BY m.item), max(m.value)
  FROM measurement m JOIN variant v USING (variant)
  WHERE v.role = 'floor' AND m.metric IN ('cosine_distance', 'l2_distance')
  GROUP BY m.metric, m.channel
  ORDER BY m.metric, channel_rank(m.channel), m.channel
);

-- The drift by depth [+] §9: along the encoder, what the language model receives of it, along the language model. Its last layer is ctx_mcq.
CREATE OR REPLACE VIEW layers AS
WITH placed AS (
  SELECT *,
         CASE WHEN channel = 'vision' THEN 'projector' WHEN starts_with(channel, 'vision') THEN 'encoder'
              WHEN channel = 'ctx_mcq.normed' THEN 'final norm' ELSE 'llm' END AS part,
         if(is_layer(channel), split_part(channel, '.', 2)::INTEGER, NULL) AS layer
  FROM drift_statistics
  WHERE is_layer(channel) OR channel IN ('vision', 'ctx_mcq.normed')
)
SELECT family, part, layer, channel,
       any_value(questions)  FILTER (answer = 'all')  AS questions,
       any_value(mean_pd)    FILTER (answer = 'all')  AS drift,
       any_value(mean_cd)                             AS control,
       any_value(percent)    FILTER (answer = 'all')  AS percent,
       any_value(percent_sd) FILTER (answer = 'all')  AS percent_sd,
       any_value(percent)    FILTER (answer = 'kept') AS hidden_percent
FROM placed
GROUP BY family, place, part, layer, channel
ORDER BY place, list_position(['encoder', 'projector', 'llm', 'final norm'], part), layer;

-- What a drift is held against: the median control distance of a channel. `unrelated` is the paper's control, other items' clean
-- representations; `matched` the same question on another item's image.
CREATE OR REPLACE VIEW control_medians AS
SELECT 'unrelated' AS control, channel, median(c.mean_distance) AS median_control
FROM control c JOIN trial t USING (item)
WHERE t.variant = 0 AND t.error IS NULL AND NOT is_layer(channel)
GROUP BY channel
UNION ALL
SELECT 'matched', m.channel, median(m.value)
FROM measurement m JOIN variant v USING (variant)
WHERE v.role = 'control' AND m.metric = 'cosine_distance' AND NOT is_layer(m.channel)
GROUP BY m.channel;

-- One row an instance, channel and control: whether the drift went beyond the median.
CREATE OR REPLACE VIEW compared_drifts AS
SELECT p.place, p.family, d.item, d.variant, d.channel, d.flip, c.control, c.median_control, d.drift > c.median_control AS beyond
FROM drifts d JOIN pools p USING (variant) JOIN control_medians c USING (channel)
WHERE d.drift IS NOT NULL;

-- Exceedance X_f [+] §5: the share of instances that drifted further than the median control; over all, where the answer was kept, where it
-- flipped.
CREATE OR REPLACE VIEW exceedance AS
WITH counted AS (
  SELECT channel, family, place, control, any_value(median_control) AS median_control, count(*) AS instances,
         count(*) FILTER (NOT flip) AS kept, count(*) FILTER (flip) AS flipped,
         count(*) FILTER (beyond) AS beyond, count(*) FILTER (beyond AND NOT flip) AS beyond_kept,
         count(*) FILTER (beyond AND flip) AS beyond_flipped
  FROM compared_drifts
  GROUP BY channel, family, place, control
)
SELECT channel, family, control, median_control,
       instances, beyond / instances AS exceedance,
       kept, beyond_kept / nullif(kept, 0) AS hidden_exceedance,
       flipped, beyond_flipped / nullif(flipped, 0) AS flipped_exceedance
FROM counted
ORDER BY channel_rank(channel), channel, place, control;

-- What AUROC is drawn from (stats/auroc.h): an instance's drift, by family and channel, and whether its answer flipped.
CREATE OR REPLACE VIEW forecasts AS
SELECT p.family, d.channel, i.image_id, d.drift, d.flip
FROM drifts d JOIN pools p USING (variant) JOIN item i USING (item)
WHERE d.drift IS NOT NULL AND NOT is_layer(d.channel)
ORDER BY p.place, channel_rank(d.channel), d.channel, d.item, d.variant;

-- ── What goes with what ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- One row an instance, channel and metric: the change against the clean trial where a clean image has a value of its own (energies, power
-- in bands, coherence across bands), else the value, which is a change already (distances, sensitivities).
CREATE OR REPLACE VIEW changes AS
WITH change AS (
  SELECT n.item, n.variant, m.channel, m.metric,
         if(m.metric IN (SELECT metric FROM measurement WHERE variant = 0), m.value - m0.value, m.value) AS change
  FROM instances n
  JOIN measurement m USING (item, variant)
  LEFT JOIN measurement m0 ON m0.item = m.item AND m0.variant = 0 AND m0.channel = m.channel AND m0.metric = m.metric
  WHERE NOT is_layer(m.channel)
)
SELECT * FROM change
UNION ALL
SELECT item, variant, channel, 'input_low/input_high', low.change / nullif(high.change, 0)  -- Δlow/Δhigh [P] §6
FROM change low JOIN change high USING (item, variant, channel)
WHERE low.metric = 'input_low' AND high.metric = 'input_high';

-- Pearson over instances of every metric's change with ΔE and, where the answer was kept, with Δlogp [P] §6, and with Δm [+] §6. A
-- correlation with what does not vary is NULL.
CREATE OR REPLACE VIEW correlations AS
WITH paired AS (
  SELECT p.place, p.family, c.*, e.change AS delta_dirichlet, n.flip, n.delta_margin, n.delta_logp
  FROM changes c
  JOIN pools p USING (variant)
  JOIN instances n USING (item, variant)
  LEFT JOIN changes e ON e.item = c.item AND e.variant = c.variant AND e.channel = 'vision' AND e.metric = 'dirichlet'
  WHERE c.change IS NOT NULL
), correlated AS (
  SELECT channel, metric, family, place, count(*) AS instances, count(*) FILTER (NOT flip) AS kept,
         corr(change, delta_dirichlet ORDER BY item, variant) FILTER (metric <> 'dirichlet') AS r_dirichlet,
         corr(change, delta_margin ORDER BY item, variant)                                   AS r_margin,
         corr(change, delta_logp ORDER BY item, variant) FILTER (NOT flip)                   AS r_logp_kept
  FROM paired GROUP BY channel, metric, family, place
)
SELECT channel, metric, family, instances,
       if(isnan(r_dirichlet), NULL, r_dirichlet) AS r_dirichlet,
       if(isnan(r_margin), NULL, r_margin)       AS r_margin,
       kept,
       if(isnan(r_logp_kept), NULL, r_logp_kept) AS r_logp_kept
FROM correlated
ORDER BY channel_rank(channel), channel, metric, place;

-- ── Drift to the prior ────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The softmax of a trial's scores.
CREATE OR REPLACE VIEW probabilities AS
WITH weighed AS (
  SELECT item, variant, option, exp(s - max(s) OVER (PARTITION BY item, variant)) AS weight FROM option_scores
), summed AS (
  SELECT item, variant, sum(weight ORDER BY option) AS weight FROM weighed GROUP BY item, variant
)
SELECT w.item, w.variant, w.option, w.weight / s.weight AS p FROM weighed w JOIN summed s USING (item, variant);

-- JS(p, b): the divergence of a trial's distribution from that of a prior, nats [+] §7.
CREATE OR REPLACE VIEW prior_divergences AS
SELECT a.item, a.variant, b.variant AS prior, sum(divergence_of_option(a.p, b.p) ORDER BY a.option) AS js
FROM probabilities a
JOIN probabilities b ON b.item = a.item AND b.option = a.option
JOIN variant v ON v.variant = b.variant AND v.role = 'prior'
GROUP BY a.item, a.variant, b.variant;

-- One row an instance and prior (blank image): how far the answer went from the clean one (c) to the prior's (b) [+] §7.
CREATE OR REPLACE VIEW prior_shifts AS
SELECT n.item, n.variant, n.image_id, v.variant AS prior, v.name AS prior_name, n.flip,
       n.y = b.y AS as_prior,                                               -- y_p = y_b
       -- DTP: 0 where the margin stayed, 1 where it is the prior's. A prior as far as the clean answer makes no scale.
       CASE WHEN abs(b.margin - c.margin) >= 0.05 THEN (n.margin - c.margin) / (b.margin - c.margin) END AS dtp,
       jc.js - jp.js AS js_shift                                            -- JS(c, b) − JS(p, b), nats: above 0 towards the prior
FROM instances n
JOIN answers c ON c.item = n.item AND c.variant = 0
JOIN answers b ON b.item = n.item
JOIN variant v ON v.variant = b.variant AND v.role = 'prior'
LEFT JOIN prior_divergences jc ON jc.item = n.item AND jc.variant = 0 AND jc.prior = v.variant
LEFT JOIN prior_divergences jp ON jp.item = n.item AND jp.variant = n.variant AND jp.prior = v.variant;

-- Drift to the prior by family and prior [+] §7.
CREATE OR REPLACE VIEW drift_to_prior AS
SELECT s.prior_name AS prior, p.family, count(*) AS instances,
       count(dtp) AS with_dtp,                                              -- not skipped
       median(dtp) AS dtp_median,
       count(*) FILTER (dtp > 0) / nullif(with_dtp, 0) AS dtp_positive,     -- share
       count(*) FILTER (flip) AS flips,
       count(*) FILTER (flip AND as_prior) / nullif(flips, 0) AS flips_to_prior,  -- P(y_p = y_b | flip)
       avg(js_shift ORDER BY s.item, s.variant) AS js_shift                 -- mean, nats
FROM prior_shifts s JOIN pools p USING (variant)
GROUP BY s.prior, s.prior_name, p.place, p.family
ORDER BY s.prior, p.place;

-- How sure flipped answers are [P] §7: the mean margin of the clean prediction over flips. Clean, it says how sure the model was of what it
-- gave up; perturbed, it is negative: how far the new answer beats the old.
CREATE OR REPLACE VIEW flip_margins AS
SELECT p.family, count(*) AS flips,
       avg(c.margin ORDER BY n.item, n.variant) AS margin_clean,
       avg(n.margin ORDER BY n.item, n.variant) AS margin
FROM instances n JOIN pools p USING (variant) JOIN answers c ON c.item = n.item AND c.variant = 0
WHERE n.flip
GROUP BY p.place, p.family
ORDER BY p.place;

-- The change of false positives and false negatives on yes/no questions [P] §7: counts over the same judged instances, before and after, so
-- that a question's clean answer counts once an instance.
CREATE OR REPLACE VIEW false_answers AS
WITH counted AS (
  SELECT p.place, p.family, count(*) AS instances,
         count(*) FILTER (n.answer <> 0 AND n.y0 = 0) AS FP_clean, count(*) FILTER (n.answer <> 0 AND n.y = 0) AS FP,
         count(*) FILTER (n.answer = 0 AND n.y0 <> 0) AS FN_clean, count(*) FILTER (n.answer = 0 AND n.y <> 0) AS FN
  FROM instances n JOIN pools p USING (variant)
  WHERE n.yes_no AND n.right_now IS NOT NULL
  GROUP BY p.place, p.family
)
SELECT family, instances, FP_clean, FP, FP - FP_clean AS delta_FP, FN_clean, FN, FN - FN_clean AS delta_FN
FROM counted ORDER BY place;

-- ── Sums by image ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- What intervals are drawn from [+] §4: each image's part (a, b, c, d) of the sums that a quantity above is made of, by `form`:
--   ratio       Σa / Σb
--   quotient    (Σa / Σb) / (Σc / Σd)
--   difference  Σa / Σb − Σc / Σd
-- An image without a row has no part. `channel` is NULL where the quantity has none.
CREATE OR REPLACE VIEW image_sums AS
WITH question AS (
  SELECT p.place, p.family, n.item, any_value(n.image_id) AS image_id,
         count(*) AS instances, count(*) FILTER (n.flip) AS flips,
         count(*) FILTER (n.RR) AS RR, count(*) FILTER (n.RW) AS RW, count(*) FILTER (n.WR) AS WR, count(*) FILTER (n.WW) AS WW,
         count(n.right_now) FILTER (n.yes_no AND n.answer <> 0)              AS negatives,
         count(n.right_now) FILTER (n.yes_no AND n.answer <> 0 AND n.y = 0)  AS fp,
         count(n.right_now) FILTER (n.yes_no AND n.answer <> 0 AND n.y0 = 0) AS fp_clean,
         count(n.right_now) FILTER (n.yes_no AND n.answer = 0)               AS positives,
         count(n.right_now) FILTER (n.yes_no AND n.answer = 0 AND n.y <> 0)  AS fn,
         count(n.right_now) FILTER (n.yes_no AND n.answer = 0 AND n.y0 <> 0) AS fn_clean,
         count(n.delta_margin) AS margins, coalesce(sum(n.delta_margin ORDER BY n.variant), 0) AS delta_margin
  FROM instances n JOIN pools p USING (variant)
  GROUP BY p.place, p.family, n.item
), perturbed AS (
  SELECT place, family, image_id, count(*) AS questions, count(*) FILTER (flips > 0) AS questions_flipped,
         sum(instances) AS instances, sum(flips) AS flips, sum(RR + WR) AS n_right, sum(WR - RW) AS n_gained,
         sum(RR + RW + WR + WW) AS judged, sum(negatives) AS negatives, sum(fp) AS fp, sum(fp_clean) AS fp_clean,
         sum(positives) AS positives, sum(fn) AS fn, sum(fn_clean) AS fn_clean, sum(margins) AS margins, sum(delta_margin ORDER BY item) AS delta_margin
  FROM question GROUP BY place, family, image_id
), clean AS (
  SELECT image_id, count(*) FILTER (right_now) AS n_right, count(right_now) AS judged,
         count(right_now) FILTER (yes_no AND answer <> 0)           AS negatives,
         count(right_now) FILTER (yes_no AND answer <> 0 AND y = 0) AS fp,
         count(right_now) FILTER (yes_no AND answer = 0)            AS positives,
         count(right_now) FILTER (yes_no AND answer = 0 AND y <> 0) AS fn,
         count(margin) AS margins, sum(margin ORDER BY item) AS margin
  FROM answers WHERE variant = 0 GROUP BY image_id
), yes_no AS (
  SELECT -1 AS place, 'clean' AS family, image_id, positives, negatives, fn, fp FROM clean WHERE positives + negatives > 0
  UNION ALL
  SELECT place, family, image_id, positives, negatives, fn, fp FROM perturbed WHERE positives + negatives > 0
), control_sum AS (
  SELECT i.image_id, c.channel, count(c.mean_distance) AS n_cd, coalesce(sum(c.mean_distance ORDER BY item), 0) AS cd
  FROM control c JOIN item i USING (item) JOIN trial t USING (item)
  WHERE t.variant = 0 AND t.error IS NULL AND NOT is_layer(c.channel)
  GROUP BY i.image_id, c.channel
), drift_sum AS (
  SELECT q.place, q.family, q.channel, q.answer, i.image_id, count(q.pd) AS n_pd, coalesce(sum(q.pd ORDER BY item), 0) AS pd
  FROM question_drifts q JOIN item i USING (item)
  WHERE q.answer <> 'flipped'
  GROUP BY q.place, q.family, q.channel, q.answer, i.image_id
), moved AS (
  SELECT k.place, k.family, k.channel, k.answer, c.image_id, coalesce(d.pd, 0) AS pd, coalesce(d.n_pd, 0) AS n_pd, c.cd, c.n_cd
  FROM (SELECT DISTINCT place, family, channel, answer FROM drift_sum) k
  JOIN control_sum c USING (channel)
  LEFT JOIN drift_sum d USING (family, channel, answer, image_id)
), drawn_two AS (
  SELECT place, family, image_id, sum(flip_among(2, instances, flips) ORDER BY item) AS vulnerable, count(*) AS questions
  FROM (SELECT *, min(instances) OVER (PARTITION BY family) AS fewest FROM question_flips)
  WHERE fewest >= 2
  GROUP BY place, family, image_id
), exceeded AS (
  SELECT place, family, channel, control, image_id, count(*) AS instances, count(*) FILTER (beyond) AS beyond,
         count(*) FILTER (NOT flip) AS kept, count(*) FILTER (beyond AND NOT flip) AS beyond_kept
  FROM compared_drifts JOIN item USING (item)
  GROUP BY place, family, channel, control, image_id
), flipped AS (
  SELECT p.place, p.family, n.image_id, sum(n.margin ORDER BY n.item, n.variant) AS margin, count(n.margin) AS flips
  FROM instances n JOIN pools p USING (variant)
  WHERE n.flip
  GROUP BY p.place, p.family, n.image_id
), shifted_to_prior AS (
  SELECT p.place, p.family, s.prior, s.prior_name, s.image_id,
         count(*) FILTER (flip AND as_prior) AS as_prior, count(*) FILTER (flip) AS flips,
         count(*) FILTER (dtp > 0) AS positive, count(dtp) AS with_dtp,
         sum(js_shift ORDER BY s.item, s.variant) AS js_shift, count(js_shift) AS with_js
  FROM prior_shifts s JOIN pools p USING (variant)
  GROUP BY p.place, p.family, s.prior, s.prior_name, s.image_id
), named AS (
  SELECT -1 AS place, 'clean' AS family, 1 AS rank, 'accuracy' AS quantity, NULL AS channel, 'ratio' AS form, image_id,
         n_right::DOUBLE AS a, judged::DOUBLE AS b, NULL::DOUBLE AS c, NULL::DOUBLE AS d FROM clean
  UNION ALL
  SELECT -1, 'clean', 5, 'margin', NULL, 'ratio', image_id, margin, margins, NULL, NULL FROM clean WHERE margins > 0
  UNION ALL
  SELECT place, family, 1, 'accuracy', NULL, 'ratio', image_id, n_right, judged, NULL, NULL FROM perturbed
  UNION ALL
  SELECT place, family, 2, 'delta_accuracy', NULL, 'ratio', image_id, n_gained, judged, NULL, NULL FROM perturbed
  UNION ALL
  SELECT place, family, 3, 'IFR', NULL, 'ratio', image_id, flips, instances, NULL, NULL FROM perturbed
  UNION ALL
  SELECT place, family, 4, 'IV', NULL, 'ratio', image_id, questions_flipped, questions, NULL, NULL FROM perturbed
  UNION ALL
  SELECT place, family, 5, 'delta_margin', NULL, 'ratio', image_id, delta_margin, margins, NULL, NULL FROM perturbed WHERE margins > 0
  UNION ALL
  SELECT place, family, 6, 'precision', NULL, 'ratio', image_id, positives - fn, positives - fn + fp, NULL, NULL FROM yes_no
  UNION ALL
  SELECT place, family, 6, 'recall', NULL, 'ratio', image_id, positives - fn, positives, NULL, NULL FROM yes_no WHERE positives > 0
  UNION ALL
  SELECT place, family, 6, 'FPR', NULL, 'ratio', image_id, fp, negatives, NULL, NULL FROM yes_no WHERE negatives > 0
  UNION ALL
  SELECT place, family, 6, 'yes_rate', NULL, 'ratio', image_id, positives - fn + fp, positives + negatives, NULL, NULL FROM yes_no
  UNION ALL
  SELECT place, family, 7, 'delta_FPR', NULL, 'ratio', image_id, fp - fp_clean, negatives, NULL, NULL FROM perturbed WHERE negatives > 0
  UNION ALL
  SELECT place, family, 8, 'delta_FNR', NULL, 'ratio', image_id, fn - fn_clean, positives, NULL, NULL FROM perturbed WHERE positives > 0
  UNION ALL
  SELECT place, family, 8, 'delta_yes_rate', NULL, 'ratio', image_id, fp - fn - (fp_clean - fn_clean), positives + negatives, NULL, NULL
  FROM perturbed WHERE positives + negatives > 0
  UNION ALL
  SELECT place, family, 8, 'delta_precision', NULL, 'difference', image_id, positives - fn, positives - fn + fp,
         positives - fn_clean, positives - fn_clean + fp_clean
  FROM perturbed WHERE positives + negatives > 0
  UNION ALL
  SELECT place, family, 9, if(answer = 'all', 'percent', 'hidden_percent'), channel, 'quotient', image_id, 100 * pd, n_pd, cd, n_cd
  FROM moved
  UNION ALL
  SELECT place, family, 5, 'IV_at_2', NULL, 'ratio', image_id, vulnerable, questions, NULL, NULL FROM drawn_two
  UNION ALL
  SELECT place, family, 10, 'exceedance_' || control, channel, 'ratio', image_id, beyond, instances, NULL, NULL FROM exceeded
  UNION ALL
  SELECT place, family, 11, 'hidden_exceedance_' || control, channel, 'ratio', image_id, beyond_kept, kept, NULL, NULL FROM exceeded
  UNION ALL
  SELECT place, family, 12, 'flip_margin', NULL, 'ratio', image_id, margin, flips, NULL, NULL FROM flipped
  UNION ALL
  SELECT place, family, 13 + prior, 'flips_to_' || prior_name, NULL, 'ratio', image_id, as_prior, flips, NULL, NULL FROM shifted_to_prior
  UNION ALL
  SELECT place, family, 13 + prior, 'dtp_positive_' || prior_name, NULL, 'ratio', image_id, positive, with_dtp, NULL, NULL
  FROM shifted_to_prior
  UNION ALL
  SELECT place, family, 13 + prior, 'js_shift_' || prior_name, NULL, 'ratio', image_id, js_shift, with_js, NULL, NULL
  FROM shifted_to_prior
)
SELECT family, quantity, channel, form, image_id, a, b, c, d
FROM named
ORDER BY place, rank, channel_rank(channel), channel, quantity DESC, image_id;

-- ── One row a question, a trial, a measurement ────────────────────────────────────────────────────────────────────────────────────

-- The questions: what the model said clean, how sure it was, and which families changed its mind.
CREATE OR REPLACE VIEW items AS
WITH disturbed AS (
  SELECT item, count(*) AS instances, count(*) FILTER (flip) AS flips FROM instances GROUP BY item
), flipping AS (
  SELECT item, string_agg(family, ' ' ORDER BY place) AS flipped_by
  FROM (SELECT DISTINCT n.item, p.family, p.place FROM instances n JOIN pools p USING (variant)
        WHERE n.flip AND p.place < 4294967294)
  GROUP BY item
), failed AS (
  SELECT item, count(*) AS failed FROM trial WHERE error IS NOT NULL GROUP BY item
)
SELECT i.item, i.id, i.image_id, i.category,
       i.options[i.answer + 1] AS right_answer,
       i.options[a.y0 + 1]     AS clean_answer,
       a.right_clean           AS correct,
       a.margin, a.margin_right,
       coalesce(d.instances, 0) AS instances,
       coalesce(d.flips, 0)     AS flips,
       f.flipped_by,
       e.entropy,                          -- over clean and all variants, nats
       coalesce(x.failed, 0)    AS failed, -- trials
       i.question
FROM item i
LEFT JOIN answers a ON a.item = i.item AND a.variant = 0
LEFT JOIN disturbed d ON d.item = i.item
LEFT JOIN flipping f ON f.item = i.item
LEFT JOIN entropies e ON e.item = i.item AND e.family = 'any (all)'
LEFT JOIN failed x ON x.item = i.item
ORDER BY i.item;

-- The trials, failed ones and priors too. Transition and flip stand for instances alone.
CREATE OR REPLACE VIEW trials AS
WITH moved AS (
  SELECT item, variant,
         any_value(drift) FILTER (channel = 'vision')   AS drift_vision,
         any_value(drift) FILTER (channel = 'ctx_open') AS drift_ctx_open,
         any_value(drift) FILTER (channel = 'ctx_mcq')  AS drift_ctx_mcq,
         any_value(delta_dirichlet) FILTER (channel = 'vision') AS delta_dirichlet
  FROM drifts GROUP BY item, variant
)
SELECT t.item, i.id, v.family, v.name AS variant, t.detail, t.width, t.height,
       i.options[t.predicted + 1] AS answer,
       t.label,
       CASE WHEN coalesce(t.label = 'holds', true) THEN t.predicted = i.answer END AS correct,
       n.flip,
       CASE WHEN n.RR THEN 'R→R' WHEN n.RW THEN 'R→W' WHEN n.WR THEN 'W→R' WHEN n.WW THEN 'W→W' END AS transition,
       a.margin, a.delta_margin, a.delta_logp, a.margin_right, a.margin_yes,
       m.drift_vision, m.drift_ctx_open, m.drift_ctx_mcq, m.delta_dirichlet,
       t.error
FROM trial t
LEFT JOIN item i USING (item)
LEFT JOIN variant v USING (variant)
LEFT JOIN answers a USING (item, variant)
LEFT JOIN instances n USING (item, variant)
LEFT JOIN moved m USING (item, variant)
ORDER BY t.item, t.variant;

-- Every stored value of a metric.
CREATE OR REPLACE VIEW measurements AS
SELECT m.item, i.id, v.name AS variant, m.channel, m.metric, m.value
FROM measurement m LEFT JOIN item i USING (item) LEFT JOIN variant v USING (variant)
ORDER BY m.item, m.variant, m.metric, channel_rank(m.channel), m.channel;

-- What the model wrote by itself, beside what it wrote on the clean image [P] §5.
CREATE OR REPLACE VIEW generations AS
SELECT g.item, i.id, v.family, v.name AS variant, g.prompt, g.text, c.text AS clean_text, g.text = c.text AS same
FROM generated g
LEFT JOIN generated c ON c.item = g.item AND c.prompt = g.prompt AND c.variant = 0
LEFT JOIN item i ON i.item = g.item
LEFT JOIN variant v ON v.variant = g.variant
ORDER BY g.item, g.prompt, g.variant;

-- The stored representations, of clean trials and of the perturbed ones of the sample that populations are compared on; values parted by spaces.
CREATE OR REPLACE VIEW embeddings AS
SELECT e.item, i.id, v.name AS variant, e.channel, array_to_string(e.vector, ' ') AS vector
FROM embedding e LEFT JOIN item i USING (item) LEFT JOIN variant v USING (variant)
ORDER BY e.item, e.variant, channel_rank(e.channel), e.channel;

-- How far every vision token moved, of the sample of items that has it: their mean over a trial is its token_drift [+] §5.
CREATE OR REPLACE VIEW token_drifts AS
WITH token AS (
  SELECT item, variant, image, slice, grid_height, grid_width, unnest(drift) AS drift, unnest(range(len(drift))) AS place FROM token_drift
)
SELECT t.item, i.id, v.name AS variant, t.image, t.slice, t.place // (t.grid_height * t.grid_width) AS frame,
       t.place // t.grid_width % t.grid_height AS row, t.place % t.grid_width AS col, t.drift
FROM token t LEFT JOIN item i USING (item) LEFT JOIN variant v USING (variant)
ORDER BY t.item, t.variant, t.image, t.slice, t.place;

-- How alike the sampled items lie among each other, clean and under a variant: linear CKA and mutual k-NN [+] §5.
CREATE OR REPLACE VIEW populations AS
SELECT v.family, v.name AS variant, p.channel, p.metric, p.value, p.items
FROM population p LEFT JOIN variant v USING (variant)
ORDER BY p.variant, channel_rank(p.channel), p.channel, p.metric;

-- Every option's score.
CREATE OR REPLACE VIEW scores AS
SELECT s.item, i.id, v.name AS variant, s.option, i.options[s.option + 1] AS text, s.logprob, s.logprob_text, s.logprob_per_byte,
       s.n_tokens, s.n_bytes, s.logprob_letter, s.logprob_no_image, s.logprob_less_no_image,
       s.s AS deciding
FROM option_scores s LEFT JOIN item i USING (item) LEFT JOIN variant v USING (variant)
ORDER BY s.item, s.variant, s.option;

-- ── The run as a whole ────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- In which prompt's words the questions were asked, which score the answers are by, and by which the clean answers were that the text
-- overlays contradict: another one after a rescore.
CREATE OR REPLACE VIEW decision AS
WITH by_key AS (
  SELECT any_value(value) FILTER (key = '--prompt') AS prompt, any_value(value) FILTER (key = '--score') AS score,
         any_value(value) FILTER (key = 'overlays chosen by') AS chosen_by
  FROM run
)
SELECT prompt, score, coalesce(chosen_by, score) AS overlays_chosen_by FROM by_key;

-- What identifies the run.
CREATE OR REPLACE VIEW identity AS
SELECT key, value, informative FROM run ORDER BY key;

-- How far the run is: how many of its questions have been asked on the clean image, and whether all is done, what is measured at the end too.
CREATE OR REPLACE VIEW progress AS
SELECT (SELECT count(*) FROM item) AS questions, (SELECT count(*) FROM trial WHERE variant = 0) AS asked,
       EXISTS (FROM run WHERE key = 'finished') AS finished;

-- The headline: "Any" over the core variants where any ran, else over all.
CREATE OR REPLACE VIEW overview AS
WITH headline AS (
  SELECT * FROM families WHERE starts_with(family, 'any (') ORDER BY starts_with(family, 'any (core') DESC LIMIT 1
)
SELECT (SELECT count(*) FROM item)                                     AS questions,
       (SELECT count(DISTINCT image_id) FROM item)                     AS images,
       (SELECT count(*) FROM trial)                                    AS trials,
       (SELECT count(*) FROM trial WHERE error IS NOT NULL)            AS failed,
       (SELECT count(*) FROM skipped)                                  AS skipped,
       (SELECT count(*) FILTER (right_now) / nullif(count(right_now), 0) FROM answers WHERE variant = 0) AS clean_accuracy,
       h.family AS pool, h.instances, h.flips, h.IFR, h.IV,
       d.channel, d.kept, d.hidden_percent,
       (SELECT max(largest) FROM noise_floor WHERE quantity = 'cosine_distance') AS noise_drift,   -- of any channel
       (SELECT max(largest) FROM noise_floor WHERE quantity = 'margin_change')   AS noise_margin,  -- nats
       c.prompt, c.score, c.overlays_chosen_by
FROM decision c LEFT JOIN headline h ON true
LEFT JOIN drift d ON d.family = h.family AND d.channel = 'ctx_mcq';
