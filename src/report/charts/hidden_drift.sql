SELECT channel, family, questions, kept, hidden_percent, flipped, flipped_percent
FROM drift
WHERE channel = 'ctx_mcq'
