-- Enters a receipt into the ledger where it is not there yet, and refuses what the person sent before it.
--
-- It looks at deleted_at nowhere: the person need not be stored. Where it gives a row, run the erase_ files for who is
-- stored again, all but erase_refuse and erase itself.
--
-- person            text         the person's digest
-- erased_at         timestamptz  when the erasure was
-- users             bigint       how many people it removed
-- chats             bigint       how many chats
-- messages          bigint       how many messages
-- message_versions  bigint       how many versions of messages
-- returns           boolean      TRUE, or no row where the ledger has the receipt
WITH refused AS (
    INSERT INTO refusals AS r (person, until)
    VALUES (:'person', :'erased_at')
    ON CONFLICT (person) DO UPDATE
    SET until = GREATEST(r.until, excluded.until)
    RETURNING r.person
)

INSERT INTO erasures (person, erased_at, users, chats, messages, versions)
SELECT
    refused.person, :'erased_at' AS erased_at, :'users' AS users, :'chats' AS chats, :'messages' AS messages,
    :'message_versions' AS versions
FROM refused
ON CONFLICT (person, erased_at) DO NOTHING
RETURNING TRUE AS entered;
