-- Runs held against the first of them (run 0), on what both have. Filled by paired.c.

-- What was read of each run.
CREATE TABLE run (run UINTEGER, name VARCHAR, finished BOOLEAN);
CREATE TABLE fact (run UINTEGER, key VARCHAR, value VARCHAR, informative BOOLEAN);
CREATE TABLE question (run UINTEGER, item UINTEGER, id VARCHAR, image_id VARCHAR,
                       words VARCHAR,  -- all that makes it the question it is: text, hint, options, the right one
                       nth UBIGINT);   -- among those of the same id, image and words
CREATE TABLE variant (run UINTEGER, variant UINTEGER, name VARCHAR, family VARCHAR, param DOUBLE, role VARCHAR);
CREATE TABLE trial (run UINTEGER, item UINTEGER, variant UINTEGER, label VARCHAR);  -- finished, and its clean trial too

-- What the trials are that both have said: `side` 0 in the first run, 1 in the other.
CREATE TABLE outcome (run UINTEGER, side UINTEGER, item UINTEGER, variant UINTEGER, flip BOOLEAN, right_now BOOLEAN);
CREATE TABLE pool (run UINTEGER, place BIGINT, family VARCHAR, variant UINTEGER);

-- What comes of it.
CREATE TABLE difference (run UINTEGER, place UINTEGER, family VARCHAR, quantity VARCHAR, channel VARCHAR,
                         reference DOUBLE, value DOUBLE, difference DOUBLE, low DOUBLE, high DOUBLE, images UBIGINT);
CREATE TABLE test (run UINTEGER, kind UINTEGER, test VARCHAR, place BIGINT, family VARCHAR, pairs UBIGINT, images UBIGINT,
                   only_reference UBIGINT, only_run UBIGINT, p DOUBLE, p_mcnemar DOUBLE);

CREATE VIEW same_question AS
SELECT b.run, a.item, b.item AS other_item, a.image_id
FROM question a JOIN question b USING (id, image_id, words, nth)
WHERE a.run = 0 AND b.run > 0;

-- An answer that is unjudged in one of the runs is so in both.
CREATE MACRO joint_label(own, other) AS
  CASE WHEN own IS NULL AND other IS NULL THEN NULL
       WHEN coalesce(own, 'holds') = 'holds' THEN coalesce(other, 'holds')
       ELSE own END;

-- The trials that both have finished.
CREATE VIEW kept AS
SELECT q.run, a.item, a.variant, b.item AS other_item, b.variant AS other_variant, q.image_id,
       joint_label(a.label, b.label) AS label, joint_label(b.label, a.label) AS other_label, va.role
FROM same_question q
JOIN trial a ON a.run = 0 AND a.item = q.item
JOIN variant va ON va.run = 0 AND va.variant = a.variant
JOIN variant vb ON vb.run = q.run AND vb.name = va.name AND vb.family = va.family AND vb.role = va.role
                AND vb.param IS NOT DISTINCT FROM va.param
JOIN trial b ON b.run = q.run AND b.item = q.other_item AND b.variant = vb.variant;

-- A row a run but the first: what is compared, and what only one of the two has.
CREATE VIEW matched AS
WITH shared AS (
  SELECT run, count(DISTINCT item) AS questions, count(DISTINCT image_id) AS images,
         count(DISTINCT variant) FILTER (role = 'perturbation') AS variants, count(*) FILTER (role = 'perturbation') AS instances
  FROM kept GROUP BY run
), named AS (
  SELECT run, count(*) AS same FROM same_question GROUP BY run
), renamed AS (  -- the id and image of a question of the first run, but not the question
  SELECT b.run, count(*) AS reworded
  FROM question b SEMI JOIN question a ON a.run = 0 AND a.id = b.id AND a.image_id = b.image_id
  ANTI JOIN same_question q ON q.run = b.run AND q.other_item = b.item
  WHERE b.run > 0 GROUP BY b.run
), variants AS (
  SELECT o.run, coalesce(list(v.name) FILTER (v.run = 0), []) AS of_reference,
         coalesce(list(v.name) FILTER (v.run > 0), []) AS of_run
  FROM run o JOIN variant v ON v.run IN (0, o.run) WHERE o.run > 0 AND v.role = 'perturbation' GROUP BY o.run
), instances AS (
  SELECT run, count(*) AS n FROM trial JOIN variant USING (run, variant) WHERE role = 'perturbation' GROUP BY run
)
SELECT r.run, r.name, r.finished,
       coalesce(questions, 0) AS questions, coalesce(images, 0) AS images,  -- with a trial that both finished
       coalesce(variants, 0) AS variants, coalesce(s.instances, 0) AS instances,
       (SELECT count(*) FROM question WHERE run = 0) - coalesce(same, 0)       AS questions_only_reference,
       (SELECT count(*) FROM question q WHERE q.run = r.run) - coalesce(same, 0) AS questions_only_run,
       coalesce(reworded, 0) AS questions_reworded,  -- of questions_only_run
       coalesce(same, 0) - coalesce(questions, 0) AS questions_unanswered,  -- both have them, but one has no clean answer
       len(list_filter(v.of_reference, lambda n: NOT list_contains(v.of_run, n))) AS variants_only_reference,
       len(list_filter(v.of_run, lambda n: NOT list_contains(v.of_reference, n))) AS variants_only_run,
       coalesce((SELECT n FROM instances WHERE run = 0), 0) - coalesce(s.instances, 0)         AS instances_only_reference,
       coalesce((SELECT n FROM instances i WHERE i.run = r.run), 0) - coalesce(s.instances, 0) AS instances_only_run
FROM run r LEFT JOIN shared s USING (run) LEFT JOIN named USING (run) LEFT JOIN renamed USING (run)
LEFT JOIN variants v USING (run)
WHERE r.run > 0
ORDER BY r.run;

-- The facts of identity in which the runs are not all alike, a row each fact and run; NULL where a run does not have it.
CREATE VIEW differs AS
WITH every AS (
  SELECT k.key, k.informative, r.run, r.name, f.value
  FROM (SELECT key, bool_and(informative) AS informative FROM fact GROUP BY key) k
  CROSS JOIN run r LEFT JOIN fact f ON f.run = r.run AND f.key = k.key
)
SELECT key, informative, run, name, value
FROM every
WHERE key IN (SELECT key FROM every GROUP BY key HAVING count(DISTINCT value) > 1 OR count(value) < count(*))
ORDER BY informative, key, run;

-- Both answers to one question under one variant, in every row of pools that it counts in.
CREATE VIEW pairs AS
SELECT k.run, p.place, p.family, k.image_id, a.flip AS flip, b.flip AS other_flip, a.right_now AS right_now, b.right_now AS other_right_now
FROM kept k
JOIN outcome a ON a.run = k.run AND a.side = 0 AND a.item = k.item AND a.variant = k.variant
JOIN outcome b ON b.run = k.run AND b.side = 1 AND b.item = k.other_item AND b.variant = k.other_variant
JOIN pool p ON p.run = k.run AND p.variant = k.variant;

-- An image's discordant pairs: of right answers on clean images, on perturbed ones, of flips.
CREATE VIEW discordance AS
SELECT run, if(family = 'clean', 1, 2) AS kind, if(family = 'clean', 'clean', 'accuracy') AS test, place, family, image_id,
       count(*) AS pairs,
       count(*) FILTER (right_now AND NOT other_right_now) AS only_reference,
       count(*) FILTER (other_right_now AND NOT right_now) AS only_run
FROM pairs WHERE right_now IS NOT NULL AND other_right_now IS NOT NULL
GROUP BY run, place, family, image_id
UNION ALL
SELECT run, 3, 'flips', place, family, image_id, count(*), count(*) FILTER (flip AND NOT other_flip),
       count(*) FILTER (other_flip AND NOT flip)
FROM pairs WHERE family <> 'clean'
GROUP BY run, place, family, image_id;

-- Holm's correction over all tests of one kind, of all runs and families. The pools only repeat the families and are not counted.
CREATE VIEW corrected AS
WITH ranked AS (
  SELECT run, kind, place, family, p, row_number() OVER (PARTITION BY kind ORDER BY p, run, place) AS rank,
         count(*) OVER (PARTITION BY kind) AS tests
  FROM test WHERE place < 4294967294
)
SELECT run, kind, place, family, max(least(1, (tests - rank + 1) * p)) OVER (PARTITION BY kind ORDER BY rank) AS p_holm FROM ranked;

-- As they are published.
CREATE VIEW differences AS
SELECT d.run, r.name, d.family, d.quantity, d.channel, d.reference, d.value, d.difference, d.low, d.high, d.images
FROM difference d JOIN run r USING (run) ORDER BY d.run, d.place;

CREATE VIEW tests AS
SELECT t.run, r.name, t.test, t.family, t.pairs, t.images, t.only_reference, t.only_run, t.p, c.p_holm, t.p_mcnemar
FROM test t JOIN run r USING (run) LEFT JOIN corrected c USING (run, kind, place, family)
ORDER BY t.run, t.kind, t.place;

-- For people: a run's differences at a glance, then by family. Percentages have one digit, all else three.
CREATE MACRO digits(quantity) AS if(contains(quantity, 'percent'), 1, 3);

CREATE MACRO number_text(x, n) AS if(x IS NULL, '–', if(n = 1, format('{:.1f}', x), format('{:.3f}', x)));

-- A rounded −0.000 reads as if it were something.
CREATE MACRO signed_text(x, n) AS if(round(x, n) = 0, number_text(0.0, n), if(x > 0, '+', '') || number_text(x, n));

CREATE MACRO interval_text(x, low, high, n) AS
  if(x IS NULL, '–', signed_text(x, n) || if(low IS NULL, ' [?]', format(' [{}, {}]', signed_text(low, n), signed_text(high, n))));

-- The pool of the core variants, or of all where the runs share no core variant.
CREATE VIEW at_a_glance AS
SELECT run, place, family, quantity, channel, number_text(reference, digits(quantity)) AS "first run",
       number_text(value, digits(quantity)) AS "this run", interval_text(difference, low, high, digits(quantity)) AS difference
FROM difference d
WHERE (channel IS NULL OR quantity = 'hidden_percent')
  AND (family = 'clean' OR family = (SELECT arg_min(family, place) FROM difference p WHERE p.run = d.run AND starts_with(p.family, 'any (')));

CREATE VIEW by_family AS
WITH told AS (
  SELECT *, interval_text(difference, low, high, digits(quantity)) AS text FROM difference WHERE family <> 'clean'
)
SELECT run, min(place) AS place, family,
       any_value(text) FILTER (quantity = 'accuracy') AS accuracy,
       any_value(text) FILTER (quantity = 'IFR') AS IFR,
       any_value(text) FILTER (quantity = 'IV') AS IV,
       any_value(text) FILTER (quantity = 'hidden_percent' AND channel = 'ctx_mcq') AS "hidden drift (ctx_mcq, % of control)"
FROM told GROUP BY run, family;
