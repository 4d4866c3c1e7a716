-- Writes the receipt of an erasure, whose moment this is. Run the other erase_ files first, erase_person the last.
--
-- It looks at deleted_at nowhere: hidden rows are erased, too. Who opted out stays so.
--
-- telegram_user_id  bigint   Telegram's id of the person
-- users             bigint   how many people are gone: 1, or 0 where they were not stored
-- chats             bigint   how many chats
-- messages          bigint   how many messages
-- message_versions  bigint   how many versions of messages
-- returns           Receipt  1 row
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS erased_at
),

refused AS (
    INSERT INTO refusals AS r (person, until)
    SELECT person_digest(:'telegram_user_id') AS person, erased_at AS until
    FROM moment
    ON CONFLICT (person) DO UPDATE
    SET until = GREATEST(r.until, excluded.until)
    RETURNING r.person
)

INSERT INTO erasures (person, erased_at, users, chats, messages, versions)
SELECT
    refused.person, moment.erased_at, :'users' AS users, :'chats' AS chats, :'messages' AS messages,
    :'message_versions' AS versions
FROM refused
CROSS JOIN moment
RETURNING person, erased_at, users, chats, messages, versions;
