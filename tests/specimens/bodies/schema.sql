-- What the functions of this folder work on. Each line "-- call: ..." of the other files is a
-- statement that must give the same with and without steps.

create schema zoo;

create table zoo.t (n integer primary key, v text not null default '', w integer);

insert into zoo.t (n, v, w)
values (1, 'one', 10), (2, 'two', 20), (3, 'three', null);

create table zoo.log (id integer generated always as identity primary key, said text);
