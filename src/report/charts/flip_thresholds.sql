WITH counted AS (
  SELECT family, threshold, count(*) AS questions FROM question_thresholds GROUP BY family, threshold
)
SELECT c.family, coalesce(format('{:.2f}', c.threshold), 'never') AS threshold, coalesce(c.threshold, 2) AS place,
       c.questions, c.questions / sum(c.questions) OVER (PARTITION BY c.family) AS share,
       t.threshold_median, t.threshold_from, t.threshold_to
FROM counted c JOIN flip_thresholds t USING (family)
ORDER BY c.family DESC, place
