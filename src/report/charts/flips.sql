SELECT family, variants, questions, flips, instances, IFR, IV
FROM families
