WITH named AS (
  SELECT *, regexp_extract(quantity, '^(flips_to|dtp_positive|js_shift)_(.*)$', ['measure', 'prior']) AS name FROM intervals
)
SELECT family, name.prior AS prior,
       CASE name.measure WHEN 'flips_to' THEN 'flips to it' WHEN 'dtp_positive' THEN 'margins'
                         ELSE 'JS, nats' END AS measure,
       value, low, high, images,
       list_position(['flips_to', 'dtp_positive', 'js_shift'], name.measure) AS panel
FROM named JOIN listed USING (family)
WHERE name.measure <> '' AND value IS NOT NULL
ORDER BY place, prior, panel
