-- The ledger: the receipts of all erasures by the person's digest; page on with the last one's digest and time.
--
-- It looks at deleted_at nowhere: a receipt is never deleted.
--
-- after_person     text         only receipts after this digest ...
-- after_erased_at  timestamptz  ... and this time; '' and -infinity for the first page
-- page_size        bigint       rows at most, 1..1000
-- returns          Receipt      0..page_size rows
SELECT
    person, erased_at, users, chats, messages, versions
FROM erasures
WHERE (person, erased_at) > (:'after_person', COALESCE(:'after_erased_at'::timestamptz, '-infinity'))
ORDER BY person, erased_at
LIMIT :'page_size';
