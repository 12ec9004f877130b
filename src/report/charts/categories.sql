WITH pool AS (
  SELECT family FROM pools WHERE starts_with(family, 'any (') ORDER BY family = 'any (all)' LIMIT 1
), compared AS (
  -- The same judged instances before and after, so that a question's clean answer counts once an instance.
  SELECT category, count(DISTINCT item) AS questions, count(*) AS instances, any_value(p.family) AS pool,
         avg(right_clean::INT) AS accuracy_clean, avg(right_now::INT) AS accuracy_perturbed
  FROM instances n JOIN pools p USING (variant) JOIN pool ON pool.family = p.family
  WHERE right_now IS NOT NULL AND category IS NOT NULL
  GROUP BY category ORDER BY questions DESC, category LIMIT 40
)
SELECT category, questions, instances, pool, accuracy_clean, accuracy_perturbed,
       unnest(['clean', 'perturbed']) AS images, unnest([accuracy_clean, accuracy_perturbed]) AS accuracy
FROM compared
ORDER BY accuracy_clean DESC, category, images
