"""Names of people as a hospital of the region has them: Han, Uyghur and Kazakh, and some in Latin letters alone."""

from __future__ import annotations

from functools import cache
from random import Random

from pypinyin import lazy_pinyin

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
    "苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史"
    "顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文单仇解"
)
_WEIGHTS = [1000 / (rank + 12) for rank in range(len(SURNAMES))]
GIVEN = (
    "小东伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文海燕春梅林峰雪"
    "晓龙飞鹏宇浩然子轩欣怡佳俊思雨梦婷美玲慧凤云波斌辉健康乐"
)
_UYGHUR_FIRST = {
    "Aygul": "阿依古丽",
    "Gulnar": "古丽娜尔",
    "Abdukerim": "阿卜杜克力木",
    "Mehmut": "买买提",
    "Rahile": "热依拉",
    "Dilnur": "迪丽努尔",
    "Ablikim": "阿不力克木",
    "Patigul": "帕提古丽",
    "Yusup": "玉素甫",
    "Mihrigul": "米日古丽",
    "Ekber": "艾克拜尔",
    "Zulpiya": "祖丽皮亚",
    "Erkin": "艾尔肯",
    "Muhtar": "木合塔尔",
    "Nurgul": "努尔古丽",
    "Kadir": "卡德尔",
}
_UYGHUR_FATHER = {
    "Tursun": "吐尔逊",
    "Memet": "麦麦提",
    "Abdulla": "阿卜杜拉",
    "Hasan": "艾山",
    "Tohti": "托合提",
    "Rozi": "肉孜",
    "Imin": "依明",
    "Osman": "吾斯曼",
    "Sulayman": "苏莱曼",
    "Kerim": "克里木",
    "Ghopur": "阿不都吾甫尔",
    "Turdi": "吐尔地",
}


def made_name(random: Random) -> str:
    """``Alphabetic=Ideographic``; seven in ten are Han, and one of these in five comes without hanzi."""
    if random.random() < 0.3:
        first, father = random.choice(list(_UYGHUR_FIRST)), random.choice(list(_UYGHUR_FATHER))
        return f"{first}^{father}={_UYGHUR_FIRST[first]}·{_UYGHUR_FATHER[father]}"
    surname = random.choices(SURNAMES, _WEIGHTS)[0]
    given = "".join(random.choices(GIVEN, k=random.choice((1, 2, 2, 2))))
    latin = f"{_latin(surname)}^{_latin(given)}"
    return latin.upper() if random.random() < 0.2 else f"{latin}={surname}^{given}"


@cache
def _latin(hanzi: str) -> str:
    return "".join(lazy_pinyin(hanzi)).capitalize()
