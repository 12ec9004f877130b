SELECT family, param AS cut_off, questions, instances, flips, IFR, margin, margin_sd
FROM severity
WHERE family IN ('keep_low', 'keep_high')
ORDER BY family DESC, cut_off
