"""Outlines of the things the sample shop sells: SVG fragments for a 400 × 400 picture, standing on y = 318.

Promises: every fragment is well formed and coloured only through the classes `m` (main), `d` (dark), `l`
(light), `w` (wood or brass), `k` (its shade), `p` (paper), `g` (green leaves) and `s` (a stroke in the dark
shade), so that one outline serves every finish. Never: carries an id, a colour or a number of its own
product.
"""

from __future__ import annotations

SHAPES = {
    "table_lamp": (
        '<path class="w" d="M191 180h18v118h-18z"/><path class="k" d="M202 180h7v118h-7z"/>'
        '<path class="m" d="M140 318q0-26 60-26t60 26z"/>'
        '<path class="d" d="M214 292q46 4 46 26h-34q0-18-12-26z"/>'
        '<path class="m" d="M152 84h96l42 112H110z"/><path class="l" d="M152 84h34l-22 112h-54z"/>'
        '<path class="d" d="M228 84h20l42 112h-38z"/><path class="p" d="M110 196h180l-4 8H114z"/>'
    ),
    "reading_lamp": (
        '<path class="m" d="M112 318q0-20 58-20t58 20z"/>'
        '<path class="d" d="M186 299q42 3 42 19h-28q0-14-14-19z"/>'
        '<path class="s" d="M170 300L132 190 236 118"/><circle class="w" cx="132" cy="190" r="10"/>'
        '<path class="m" d="M214 92l58 20 34 64-112-22z"/><path class="l" d="M214 92l24 8-22 58-22-4z"/>'
        '<path class="p" d="M194 154l112 22-8 10-98-20z"/>'
    ),
    "pendant": (
        '<path class="s" d="M200 0v108"/><path class="w" d="M186 104h28v26h-28z"/>'
        '<path class="k" d="M204 104h10v26h-10z"/>'
        '<path class="m" d="M92 244c0-70 46-118 108-118s108 48 108 118z"/>'
        '<path class="l" d="M92 244c0-70 40-112 90-117-34 18-50 58-50 117z"/>'
        '<path class="d" d="M308 244c0-58-28-98-70-112 22 24 32 60 32 112z"/>'
        '<path class="p" d="M92 244h216l-8 12H100z"/>'
    ),
    "globe": (
        '<path class="w" d="M168 282h64v24h-64z"/><path class="k" d="M210 282h22v24h-22z"/>'
        '<path class="m" d="M142 318q0-18 58-18t58 18z"/><circle class="m" cx="200" cy="192" r="92"/>'
        '<path class="d" d="M240 109a92 92 0 0 1-72 169 104 104 0 0 0 72-169z"/>'
        '<circle class="l" cx="172" cy="164" r="40"/><circle class="p" cx="164" cy="154" r="16"/>'
    ),
    "floor_lamp": (
        '<path class="s" d="M200 150L150 318M200 150l50 168M200 150v156"/>'
        '<path class="w" d="M188 140h24v30h-24z"/><path class="m" d="M146 54h108l26 96H120z"/>'
        '<path class="l" d="M146 54h36l-16 96h-46z"/><path class="d" d="M232 54h22l26 96h-38z"/>'
        '<path class="p" d="M120 150h160l-3 7H123z"/>'
    ),
    "lantern": (
        '<path class="s" d="M160 128c0-76 80-76 80 0"/><path class="m" d="M150 126h100l18 30H132z"/>'
        '<path class="d" d="M226 126h24l18 30h-30z"/><path class="p" d="M146 156h108v132H146z"/>'
        '<path class="w" d="M186 224h28v64h-28z"/>'
        '<path class="l" d="M200 176c16 22 18 46 0 46s-16-24 0-46z"/>'
        '<path class="m" d="M138 156h12v134h-12zM250 156h12v134h-12z"/>'
        '<path class="d" d="M194 156h5v134h-5z"/><path class="m" d="M130 286h140v20H130z"/>'
        '<path class="d" d="M140 306h120v12H140z"/>'
    ),
    "candle": (
        '<path class="p" d="M172 96h56v150h-56z"/><path class="l" d="M210 96h18v150h-18z"/>'
        '<path class="s" d="M200 96V82"/><path class="w" d="M200 34c18 26 18 46 0 46s-18-20 0-46z"/>'
        '<path class="m" d="M154 236h92v34h-92z"/><path class="d" d="M218 236h28v34h-28z"/>'
        '<path class="m" d="M112 318q-12-48 42-48h92q54 0 42 48z"/>'
        '<path class="d" d="M246 270q54 0 42 48h-34q6-36-8-48z"/>'
        '<path class="l" d="M112 318q-12-48 42-48h18q-36 8-34 48z"/>'
    ),
    "casserole": (
        '<path class="s" d="M104 214H72v34h34M296 214h32v34h-34"/>'
        '<path class="m" d="M100 190h200v92q0 36-36 36H136q-36 0-36-36z"/>'
        '<path class="l" d="M100 190h42v92q0 30 14 36h-20q-36 0-36-36z"/>'
        '<path class="d" d="M268 190h32v92q0 36-36 36h-14q18-6 18-36z"/>'
        '<path class="m" d="M96 190q10-44 104-44t104 44z"/>'
        '<path class="l" d="M96 190q10-44 84-44-34 14-40 44z"/><path class="d" d="M92 184h216v14H92z"/>'
        '<path class="w" d="M180 128h40q4 0 4 6t-8 14h-32q-8-8-8-14t4-6z"/>'
    ),
    "pan": (
        '<path class="w" d="M268 232l104-40q14 0 12 14L276 262z"/>'
        '<path class="k" d="M276 250l106-46q2 2 2 6l-108 52z"/>'
        '<path class="m" d="M48 216h232v58q0 44-44 44H92q-44 0-44-44z"/>'
        '<path class="l" d="M48 216h48v58q0 38 16 44H92q-44 0-44-44z"/>'
        '<path class="d" d="M244 216h36v58q0 44-44 44h-18q26-8 26-44zM42 208h244v14H42z"/>'
    ),
    "bowl": (
        '<path class="m" d="M76 190h248c0 74-44 118-92 118h-64c-48 0-92-44-92-118z"/>'
        '<path class="l" d="M76 190h56c0 70 26 110 52 118h-16c-48 0-92-44-92-118z"/>'
        '<path class="d" d="M324 190h-40c0 66-26 110-60 118h8c48 0 92-44 92-118zM156 306h88v12h-88z"/>'
        '<ellipse class="d" cx="200" cy="190" rx="124" ry="20"/>'
        '<ellipse class="p" cx="200" cy="192" rx="112" ry="14"/>'
    ),
    "plate": (
        '<circle class="d" cx="204" cy="206" r="124"/><circle class="m" cx="200" cy="200" r="124"/>'
        '<circle class="l" cx="200" cy="200" r="92"/><circle class="m" cx="200" cy="200" r="84"/>'
        '<path class="l" d="M146 160a68 68 0 0 1 60-28 84 84 0 0 0-60 28zM88 168'
        'a116 116 0 0 1 88-80 130 130 0 0 0-88 80z"/>'
    ),
    "carafe": (
        '<path class="s" d="M250 150c66-6 66 110-8 104"/>'
        '<path class="m" d="M152 84h92l-8 60c30 40 40 84 28 126q-12 48-48 48h-40q-36 0-48-48'
        'c-12-42-2-86 28-126z"/>'
        '<path class="l" d="M152 84h30l2 60c-24 40-32 84-24 126q6 36 22 48h-6q-36 0-48-48'
        'c-12-42-2-86 28-126z"/>'
        '<path class="d" d="M230 84h14l-8 60c30 40 40 84 28 126q-12 48-40 48 16-16 18-48c4-44-6-86-22-126'
        'zM136 78h112v12H152z"/>'
    ),
    "vase": (
        '<path class="s" d="M190 100c-6-34-26-44-40-64M206 100c0-40 22-50 34-74"/>'
        '<path class="g" d="M150 38c-26-4-36 12-34 28 22 2 36-8 34-28zM240 26'
        'c26-6 38 8 38 26-24 4-40-4-38-26z"/>'
        '<path class="g" d="M198 100c-10-30-6-50 4-72 12 24 12 44 4 72z"/>'
        '<path class="m" d="M164 96h72c-4 40 48 66 48 130 0 54-32 92-54 92h-60'
        'c-22 0-54-38-54-92 0-64 52-90 48-130z"/>'
        '<path class="l" d="M164 96h26c0 40-32 66-32 130 0 50 14 82 28 92h-16'
        'c-22 0-54-38-54-92 0-64 52-90 48-130z"/>'
        '<path class="d" d="M222 96h14'
        'c-4 40 48 66 48 130 0 54-32 92-54 92 20-20 28-50 28-92 0-62-40-90-36-130z"/>'
    ),
    "jar": (
        '<path class="w" d="M128 112h144v34H128z"/><path class="k" d="M238 112h34v34h-34z"/>'
        '<path class="w" d="M182 92h36q8 0 8 8v12h-52v-12q0-8 8-8z"/>'
        '<path class="m" d="M132 146h136q18 0 18 22v126q0 24-24 24H138q-24 0-24-24V168q0-22 18-22z"/>'
        '<path class="l" d="M132 146h26q-14 4-14 22v126q0 20 14 24h-20q-24 0-24-24V168q0-22 18-22z"/>'
        '<path class="d" d="M268 146q18 0 18 22v126q0 24-24 24h-14q16-6 16-24V168q0-16-12-22z"/>'
        '<path class="p" d="M166 204h68v56h-68z"/>'
        '<path class="s" d="M180 224h40M180 240h26" stroke-width="5"/>'
    ),
    "kettle": (
        '<path class="s" d="M138 170c-6-104 130-104 124 0"/>'
        '<path class="m" d="M280 214l56-62 14 12-52 98z"/>'
        '<path class="m" d="M132 166h136l40 118q8 34-28 34H120q-36 0-28-34z"/>'
        '<path class="l" d="M132 166h36l-36 118q-6 30 16 34h-28q-36 0-28-34z"/>'
        '<path class="d" d="M244 166h24l40 118q8 34-28 34h-20q24-6 18-34zM126 160h148v12H126z"/>'
        '<circle class="w" cx="200" cy="150" r="13"/>'
    ),
    "mug": (
        '<path class="s" d="M268 186c66-14 70 94-4 84" stroke-width="16"/>'
        '<path class="m" d="M108 150h164v138q0 30-30 30H138q-30 0-30-30z"/>'
        '<path class="l" d="M108 150h36v138q0 26 14 30h-20q-30 0-30-30z"/>'
        '<path class="d" d="M246 150h26v138q0 30-30 30h-16q20-4 20-30z"/>'
        '<ellipse class="d" cx="190" cy="150" rx="82" ry="15"/>'
        '<ellipse class="k" cx="190" cy="152" rx="72" ry="10"/>'
        '<path class="s" d="M166 118c-12-20 12-28 0-50M206 118'
        'c-12-20 12-28 0-50" stroke-width="5" opacity=".35"/>'
    ),
    "teapot": (
        '<path class="s" d="M284 194c82-26 76 104-10 84" stroke-width="15"/>'
        '<path class="m" d="M126 258c-44-6-44-62-82-84l18-16c40 10 56 30 74 44z"/>'
        '<path class="m" d="M108 234c0-52 40-84 92-84s92 32 92 84c0 44-26 84-54 84h-76c-28 0-54-40-54-84'
        'z"/>'
        '<path class="l" d="M108 234c0-50 38-82 84-84-34 22-46 52-46 84 0 40 14 76 34 84h-18'
        'c-28 0-54-40-54-84z"/>'
        '<path class="d" d="M292 234c0-40-24-70-58-80 18 24 24 50 24 80 0 44-14 76-32 84h12'
        'c28 0 54-40 54-84z"/><path class="m" d="M150 156q8-28 50-28t50 28z"/>'
        '<path class="d" d="M146 152h108v9H146z"/><circle class="w" cx="200" cy="120" r="13"/>'
    ),
    "bottle": (
        '<path class="w" d="M172 62h56v44h-56z"/><path class="k" d="M212 62h16v44h-16z"/>'
        '<path class="m" d="M168 106h64c0 30 28 34 28 72v112q0 28-28 28h-64q-28 0-28-28V178'
        'c0-38 28-42 28-72z"/>'
        '<path class="l" d="M168 106h22c0 30-24 34-24 72v112q0 22 12 28h-10q-28 0-28-28V178'
        'c0-38 28-42 28-72z"/>'
        '<path class="d" d="M222 106h10c0 30 28 34 28 72v112q0 28-28 28h-12q18-6 18-28V178'
        'c0-38-18-42-16-72zM140 250h120v10H140z"/>'
    ),
    "cushion": (
        '<path class="m" d="M92 112'
        "q108 26 216 0 22-2 14 22-22 80 0 162 8 24-14 22-108-26-216 0-22 2-14-22 22-80 0-162-8-24 14-22"
        'z"/>'
        '<path class="l" d="M92 112q30 8 62 11-20 94 0 182-32 3-62 13-22 2-14-22 22-80 0-162-8-24 14-22z"/>'
        '<path class="d" d="M308 112q22-2 14 22-22 80 0 162 8 24-14 22-14-4-28-7 20-92 0-192 14-3 28-7z"/>'
        '<path class="p" d="M194 122h4v186h-4zM206 122h3v186h-3zM182 122h3v186h-3z"/>'
    ),
    "blanket": (
        '<path class="d" d="M84 264h228q18 0 18 27t-18 27H84q-18 0-18-27t18-27z"/>'
        '<path class="m" d="M92 208h222q18 0 18 28t-18 28H92q-18 0-18-28t18-28z"/>'
        '<path class="l" d="M86 152h224q18 0 18 28t-18 28H86q-18 0-18-28t18-28z"/>'
        '<path class="p" d="M118 152h10v166h-10zM138 152h4v166h-4z"/>'
        '<path class="s" d="M312 180H150M314 236H150M312 291H150" stroke-width="3"/>'
    ),
    "towel": (
        '<path class="w" d="M70 92h260v14H70z"/><circle class="k" cx="70" cy="99" r="12"/>'
        '<circle class="k" cx="330" cy="99" r="12"/><path class="m" d="M122 86h148v214H122z"/>'
        '<path class="l" d="M122 86h40v214h-40z"/><path class="d" d="M246 86h30v178h-30z"/>'
        '<path class="p" d="M122 256h148v8H122zM122 272h148v4H122z"/>'
        '<path class="s" d="M130 300v16M150 300v16M170 300v16M190 300v16M210 300v16M230 300v16M250 300'
        'v16" stroke-width="4"/>'
    ),
    "planter": (
        '<path class="g" d="M200 206c-66-14-86-64-72-116 48 10 74 52 72 116zM200 206'
        'c64-18 82-60 74-108-46 6-76 42-74 108z"/>'
        '<path class="g" d="M200 206c-30-54-22-104 8-150 26 48 26 98-8 150z" opacity=".85"/>'
        '<path class="s" d="M206 82q-10 62-6 126" stroke-width="3" opacity=".4"/>'
        '<path class="m" d="M128 220h144l-22 90q-2 8-12 8h-76q-10 0-12-8z"/>'
        '<path class="l" d="M128 220h40l6 98h-12q-10 0-12-8z"/>'
        '<path class="d" d="M244 220h28l-22 90q-2 8-12 8h-12z"/><path class="m" d="M116 196h168v30H116z"/>'
        '<path class="l" d="M116 196h44v30h-44z"/><path class="d" d="M248 196h36v30h-36z"/>'
    ),
    "can": (
        '<path class="s" d="M268 200c74-30 74 108 2 98M150 176c4-72 106-72 112-2"/>'
        '<path class="m" d="M146 260L58 152l14-12 88 74z"/><path class="d" d="M40 158l42-34 10 14-40 32z"/>'
        '<path class="m" d="M140 176h130l14 142H126z"/><path class="l" d="M140 176h38l-8 142h-44z"/>'
        '<path class="d" d="M246 176h24l14 142h-30zM136 170h138v10H136z"/>'
    ),
    "notebook": (
        '<path class="p" d="M112 92h186v226H112z"/><path class="d" d="M290 92h10v226h-10z" opacity=".3"/>'
        '<path class="m" d="M104 84h180q10 0 10 10v214q0 10-10 10H104z"/>'
        '<path class="d" d="M104 84h30v234h-30z"/><path class="l" d="M156 126h106v50H156z"/>'
        '<path class="s" d="M172 144h74M172 158h44" stroke-width="4"/>'
        '<path class="w" d="M262 84h9v234h-9z"/>'
    ),
    "pencils": (
        '<path class="w" d="M152 120l14-34 14 34v100h-28z"/>'
        '<path class="l" d="M188 96l12-34 12 34v124h-24z"/>'
        '<path class="k" d="M222 130l14-34 14 34v90h-28z"/>'
        '<path class="p" d="M161 98l5-12 5 12zM196 74l4-12 4 12zM231 108l5-12 5 12z"/>'
        '<path class="m" d="M132 190h136v112q0 16-16 16H148q-16 0-16-16z"/>'
        '<path class="l" d="M132 190h34v112q0 14 8 16h-26q-16 0-16-16z"/>'
        '<path class="d" d="M240 190h28v112q0 16-16 16h-18q6-4 6-16z"/>'
    ),
    "clock": (
        '<path class="w" d="M136 290l-18 28h20l16-20zM264 290l18 28h-20l-16-20z"/>'
        '<circle class="d" cx="204" cy="196" r="118"/><circle class="m" cx="200" cy="194" r="116"/>'
        '<circle class="p" cx="200" cy="194" r="92"/>'
        '<path class="s" d="M200 194V132M200 194l46 28" stroke-width="8"/>'
        '<path class="d" d="M197 110h6v18h-6zM197 260h6v18h-6zM116 191h18v6h-18zM266 191h18v6h-18z"/>'
        '<circle class="w" cx="200" cy="194" r="9"/>'
    ),
    "box": (
        '<path class="m" d="M92 178h216v128q0 12-12 12H104q-12 0-12-12z"/>'
        '<path class="l" d="M92 178h66v140h-54q-12 0-12-12z"/>'
        '<path class="d" d="M272 178h36v128q0 12-12 12h-24z"/><path class="m" d="M80 138h240v44H80z"/>'
        '<path class="l" d="M80 138h74v44H80z"/><path class="d" d="M280 138h40v44h-40zM92 182h216v7H92z"/>'
        '<path class="p" d="M170 224h60v40h-60z"/>'
        '<path class="s" d="M182 238h36M182 250h22" stroke-width="4"/>'
    ),
    "basket": (
        '<path class="w" d="M128 172c0-116 144-116 144 0h-16c0-92-112-92-112 0z"/>'
        '<path class="m" d="M84 172h232l-26 132q-4 14-18 14H128q-14 0-18-14z"/>'
        '<path class="l" d="M84 172h60l6 146h-22q-14 0-18-14z"/>'
        '<path class="d" d="M276 172h40l-26 132q-4 14-18 14h-14z"/>'
        '<path class="s" d="M92 204h216M98 234h204M104 264h192M110 292'
        'h180" stroke-width="5" opacity=".55"/>'
        '<path class="s" d="M134 176l12 140M178 176l6 140M222 176l-6 140M266 176'
        'l-12 140" stroke-width="5" opacity=".55"/><path class="d" d="M76 164h248v18H76z"/>'
    ),
    "shelf": (
        '<path class="w" d="M64 222h272v18H64z"/><path class="k" d="M64 234h272v6H64z"/>'
        '<path class="d" d="M104 240h12v54h-12zM284 240h12v54h-12z"/>'
        '<path class="m" d="M92 122h26v100H92z"/><path class="l" d="M120 134h22v88h-22z"/>'
        '<path class="d" d="M144 112h28v110h-28z"/><path class="p" d="M97 140h16v6H97zM149 130h18v6h-18z"/>'
        '<path class="g" d="M262 176c-28-16-32-42-24-64 24 14 30 38 24 64zM262 176'
        'c24-14 32-34 28-56-24 8-34 30-28 56z"/><path class="m" d="M232 172h60l-8 50h-44z"/>'
        '<path class="l" d="M232 172h20l2 50h-14z"/>'
    ),
    "dispenser": (
        '<path class="w" d="M188 92h24v48h-24z"/>'
        '<path class="w" d="M148 78h70q12 0 12 12v10h-40q-4-8-42-8z"/>'
        '<path class="k" d="M176 132h48v22h-48z"/>'
        '<path class="m" d="M156 152h88q22 6 22 36v104q0 26-26 26h-80q-26 0-26-26V188q0-30 22-36z"/>'
        '<path class="l" d="M156 152h28q-20 6-20 36v104q0 22 14 26h-18q-26 0-26-26V188q0-30 22-36z"/>'
        '<path class="d" d="M244 152q22 6 22 36v104q0 26-26 26h-14q18-4 18-26V188q0-26-16-36z"/>'
        '<path class="p" d="M170 212h60v58h-60z"/>'
        '<path class="s" d="M184 232h32M184 248h20" stroke-width="4"/>'
    ),
    "backpack": (
        '<path class="s" d="M170 100c0-48 60-48 60 0" stroke-width="12"/>'
        '<path class="m" d="M124 168c0-48 32-76 76-76s76 28 76 76v122q0 28-28 28h-96q-28 0-28-28z"/>'
        '<path class="l" d="M124 168c0-44 26-70 62-75-22 16-30 42-30 75v122q0 24 12 28h-16q-28 0-28-28z"/>'
        '<path class="d" d="M276 168c0-36-18-62-46-72 14 18 18 42 18 72v122q0 24-14 28h14q28 0 28-28z'
        'M112 214h20v76h-20zM268 214h20v76h-20z"/>'
        '<path class="d" d="M146 220h108v76q0 10-10 10h-88q-10 0-10-10z"/>'
        '<path class="m" d="M146 220h108v24H146z"/>'
        '<path class="w" d="M162 128h10v110h-10zM228 128h10v110h-10z"/>'
        '<path class="k" d="M158 232h18v16h-18zM224 232h18v16h-18z"/>'
    ),
}
"""Outlines by name."""
