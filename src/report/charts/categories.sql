WITH pool AS (
  SELECT family FROM pools WHERE starts_with(family, 'any (') ORDER BY family = 'any (all)' LIMIT 1
), largest AS (
  SELECT category, questions, accuracy AS accuracy_clean FROM accuracy
  WHERE family = 'clean' AND category <> 'all' ORDER BY questions DESC, category LIMIT 40
), compared AS (
  SELECT l.*, a.accuracy AS accuracy_perturbed, a.instances, a.family AS pool
  FROM largest l JOIN accuracy a USING (category) JOIN pool USING (family)
)
SELECT category, questions, instances, pool, accuracy_clean, accuracy_perturbed,
       unnest(['clean', 'perturbed']) AS images, unnest([accuracy_clean, accuracy_perturbed]) AS accuracy
FROM compared
ORDER BY accuracy_clean DESC, category, images
