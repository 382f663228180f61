-- title: One event is delivered twice at once
--
-- What another event has brought names this one's number in the set-up: callers of a burst share it.

-- @values account uuid, event text
-- @setup
insert into racy.account (id, amount) values (:account, 0);
insert into racy.event (id, account_id, amount) values (:event || '-earlier', :account, 0);
-- @session delivery
-- @call receive
select racy.receive(:event, :account, 100);
-- @session retry
-- @call receive
select racy.receive(:event, :account, 100);
