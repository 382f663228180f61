-- title:     Whoever is signed in reads all licenses
-- class:     members_read_everything
-- operation: add_credits
-- hurts:     every customer: the keys of all licenses are there to be used
-- caught-by: contract members_only_read_their_own

drop policy member_reads_own on license_billing.licenses;

create policy member_reads_own on license_billing.licenses for select to authenticated using (true);
