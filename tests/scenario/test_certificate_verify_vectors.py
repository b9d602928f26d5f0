"""Chains with one thing right or wrong, judged by the command (EX-41)."""

import concurrent.futures
import subprocess
import warnings

import pytest
from support import world, x509_vectors

WORKERS = 3
DEADLINE = 30  # seconds for one judgement, also of a hostile chain


@pytest.fixture(scope="module")
def vectors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some keys and digests are weak on purpose
        return x509_vectors.all_vectors()


def judge(vector, directory):
    directory.mkdir()
    done = subprocess.run([str(world.PROGRAM), *vector.words(directory)], capture_output=True,
                          text=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def test_every_vector_has_its_verdict(program, vectors, tmp_path):
    """EX-24, EX-41, EX-110, CI-12, CI-14: no false accept, no false reject."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        judged = list(pool.map(judge, vectors, (tmp_path / str(at) for at in range(len(vectors)))))
    wrong = [f"{vector.name}: {status} instead of {vector.expected}\n{said}"
             for vector, (status, said) in zip(vectors, judged) if status != vector.expected]
    assert not wrong, f"{len(wrong)} of {len(vectors)} are wrong:\n" + "\n".join(wrong)


def test_the_vectors_are_many_and_distinct(vectors):
    names = [vector.name for vector in vectors]
    assert len(names) == len(set(names)) >= 350
    assert min(sum(vector.expected == verdict for vector in vectors)
               for verdict in (x509_vectors.GOOD, x509_vectors.BAD)) > 100
