WITH counted AS (
  SELECT family, count(*) AS questions, sum(instances)::BIGINT AS instances, sum(flips)::BIGINT AS flips
  FROM question_flips GROUP BY family
)
SELECT family, quantity, value, low, high, questions, instances, flips, images
FROM intervals JOIN listed USING (family) JOIN counted USING (family)
WHERE quantity IN ('IFR', 'IV') AND value IS NOT NULL
ORDER BY place, quantity
