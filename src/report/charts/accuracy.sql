SELECT family, i.value AS delta_accuracy, i.low, i.high, i.images, m.RW, m.WR, m.p, m.p_holm
FROM intervals i JOIN listed USING (family) LEFT JOIN mcnemar m USING (family)
WHERE i.quantity = 'delta_accuracy' AND i.value IS NOT NULL
ORDER BY place
